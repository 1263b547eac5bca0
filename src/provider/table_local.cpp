// The catalogue: engines that run on one's own machine, and the two types for any engine of a known dialect. Of the engines
// that share a port, the first in this table is meant unless the engine names itself (discovery.hpp).
#include "provider/table.hpp"

namespace gotthard::provider {
namespace {

using enum DialectId;
using dialect::Quirk;

constexpr Few<FixedHeader, 3> anthropic_version = {{"anthropic-version", "2023-06-01", true, anthropic}};

// Engines know max_tokens and the role system, take every sampling field, and want the reasoning of earlier turns back.
constexpr std::uint32_t engine =
    Quirk::max_tokens_key | Quirk::no_developer_role | Quirk::own_engine | Quirk::knows_top_k | Quirk::replays_reasoning;

// clang-format off
constexpr Row rows[] = {
    {.id = "ollama", .name = "Ollama", .base_url = "http://localhost:11434", .key_env = {"OLLAMA_API_KEY"},
     .base_env = {"OLLAMA_API_BASE"}, .key_optional = true, .chat_path = "/v1/chat/completions", .models_path = "/v1/models",
     .embeddings_path = "/v1/embeddings", .quirks = engine | Quirk::reasoning_field, .local_engine = true, .default_port = 11434,
     .first_token_seconds = 300},
    {.id = "vllm", .name = "vLLM", .base_url = "http://localhost:8000/v1", .key_env = {"HOSTED_VLLM_API_KEY"},
     .base_env = {"HOSTED_VLLM_API_BASE", "VLLM_API_BASE"}, .key_optional = true, .quirks = engine | Quirk::numeric_error_code,
     .local_engine = true, .default_port = 8000, .first_token_seconds = 300},
    {.id = "sglang", .name = "SGLang", .base_url = "http://localhost:30000/v1", .key_optional = true, .quirks = engine,
     .local_engine = true, .default_port = 30000, .first_token_seconds = 300},
    {.id = "llama_cpp", .name = "llama.cpp server", .base_url = "http://localhost:8080/v1", .key_optional = true,
     .quirks = engine | Quirk::numeric_error_code, .local_engine = true, .default_port = 8080, .first_token_seconds = 300},
    {.id = "localai", .name = "LocalAI", .base_url = "http://localhost:8080/v1", .key_optional = true, .quirks = engine,
     .local_engine = true, .default_port = 8080, .first_token_seconds = 300},
    {.id = "tgi", .name = "Hugging Face Text Generation Inference", .base_url = "http://localhost:8080",
     .key_env = {"HUGGINGFACE_API_KEY"}, .base_env = {"HF_API_BASE"}, .key_optional = true, .chat_path = "/v1/chat/completions",
     .models_path = "/v1/models", .embeddings_path = "/v1/embeddings", .quirks = engine, .local_engine = true,
     .default_port = 8080, .first_token_seconds = 300},
    {.id = "tensorrt_llm", .name = "NVIDIA TensorRT-LLM (trtllm-serve)", .base_url = "http://localhost:8000/v1",
     .key_optional = true, .quirks = engine, .local_engine = true, .default_port = 8000, .first_token_seconds = 300},
    {.id = "nim", .name = "NVIDIA NIM (self-hosted)", .base_url = "http://localhost:8000/v1", .key_env = {"NVIDIA_NIM_API_KEY"},
     .base_env = {"NVIDIA_NIM_API_BASE"}, .key_optional = true, .quirks = engine, .local_engine = true, .default_port = 8000,
     .first_token_seconds = 300},
    {.id = "lm_studio", .name = "LM Studio", .base_url = "http://localhost:1234/v1", .key_env = {"LM_STUDIO_API_KEY"},
     .base_env = {"LM_STUDIO_API_BASE"}, .key_optional = true, .quirks = engine, .local_engine = true, .default_port = 1234,
     .first_token_seconds = 300},
    {.id = "llamafile", .name = "llamafile", .base_url = "http://127.0.0.1:8080/v1", .key_env = {"LLAMAFILE_API_KEY"},
     .base_env = {"LLAMAFILE_API_BASE"}, .key_optional = true, .quirks = engine | Quirk::numeric_error_code, .local_engine = true,
     .default_port = 8080, .first_token_seconds = 300},
    {.id = "xinference", .name = "Xinference", .base_url = "http://127.0.0.1:9997/v1", .key_env = {"XINFERENCE_API_KEY"},
     .base_env = {"XINFERENCE_API_BASE"}, .key_optional = true, .quirks = engine, .local_engine = true, .default_port = 9997,
     .first_token_seconds = 300},
    {.id = "docker_model_runner", .name = "Docker Model Runner", .base_url = "http://localhost:22088/engines/llama.cpp",
     .key_env = {"DOCKER_MODEL_RUNNER_API_KEY"}, .base_env = {"DOCKER_MODEL_RUNNER_API_BASE"}, .key_optional = true,
     .chat_path = "/v1/chat/completions", .models_path = "/v1/models", .embeddings_path = "/v1/embeddings", .quirks = engine,
     .local_engine = true, .default_port = 22088, .first_token_seconds = 300},
    {.id = "lemonade", .name = "AMD Lemonade", .base_url = "http://localhost:8000/api/v1", .base_env = {"LEMONADE_API_BASE"},
     .key_optional = true, .quirks = engine, .local_engine = true, .default_port = 8000, .first_token_seconds = 300},
    {.id = "oobabooga", .name = "text-generation-webui (oobabooga)", .base_url = "http://localhost:5000", .auth = scheme("Token"),
     .key_optional = true, .chat_path = "/v1/chat/completions", .models_path = "/v1/models", .embeddings_path = "/v1/embeddings",
     .quirks = engine, .local_engine = true, .default_port = 5000, .first_token_seconds = 300},
    {.id = "lmdeploy", .name = "LMDeploy", .base_url = "http://localhost:23333/v1", .key_optional = true, .quirks = engine,
     .local_engine = true, .default_port = 23333, .first_token_seconds = 300},
    {.id = "mlx_lm", .name = "mlx-lm server", .base_url = "http://localhost:8080/v1", .key_optional = true, .quirks = engine,
     .local_engine = true, .default_port = 8080, .first_token_seconds = 300},
    {.id = "mistral_rs", .name = "mistral.rs", .base_url = "http://localhost:1234/v1", .key_optional = true, .quirks = engine,
     .local_engine = true, .default_port = 1234, .first_token_seconds = 300},
    {.id = "koboldcpp", .name = "KoboldCpp", .base_url = "http://localhost:5001/v1", .key_optional = true, .quirks = engine,
     .local_engine = true, .default_port = 5001, .first_token_seconds = 300},
    {.id = "tabbyapi", .name = "TabbyAPI", .base_url = "http://localhost:5000/v1", .key_optional = true, .quirks = engine,
     .local_engine = true, .default_port = 5000, .first_token_seconds = 300},
    {.id = "openvino_model_server", .name = "OpenVINO Model Server", .base_url = "http://localhost:8000/v3", .key_optional = true,
     .quirks = engine, .local_engine = true, .default_port = 8000, .first_token_seconds = 300},
};

constexpr Row generic[] = {
    {.id = "openai_compatible", .name = "any engine that speaks OpenAI chat completions", .base_url = "",
     .messages_auth = header("x-api-key"), .key_optional = true,
     .quirks = Quirk::max_tokens_key | Quirk::no_developer_role | Quirk::replays_reasoning,
     .headers = anthropic_version, .generic = true},
};
// clang-format on

}  // namespace

std::span<const Row> local_rows() { return rows; }
std::span<const Row> generic_rows() { return generic; }

}  // namespace gotthard::provider
