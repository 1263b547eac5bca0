// Providers that are known by name and need a dialect or a way of signing that this version lacks. The configuration refuses
// them by saying so, which is better than "unknown".
#include "provider/table.hpp"

namespace gotthard::provider {
namespace {

constexpr LaterRow rows[] = {
    {"gemini", "the gemini dialect"},
    {"vertex_ai", "the gemini dialect"},
    {"vertex_ai_partner", "google_oauth2 authentication"},
    {"bedrock", "the bedrock dialect"},
    {"bedrock_invoke", "the bedrock dialect"},
    {"sagemaker", "sigv4 authentication"},
    {"cohere", "the cohere dialect"},
    {"watsonx", "the watsonx dialect"},
    {"oci", "the oci dialect"},
    {"sap", "oauth_client_credentials authentication"},
    {"replicate", "the replicate dialect"},
    {"github_copilot", "oauth_device authentication"},
    {"chatgpt", "the responses dialect"},
    {"gigachat", "oauth_client_credentials authentication"},
    {"bytez", "its own dialect"},
    {"nlp_cloud", "its own dialect"},
    {"predibase", "the tgi dialect"},
    {"voyage", "its own dialect"},
    {"jina_ai", "its own dialect"},
    {"deepgram", "its own dialect"},
    {"elevenlabs", "its own dialect"},
    {"stability", "its own dialect"},
    {"recraft", "its own dialect"},
    {"fal_ai", "its own dialect"},
    {"runwayml", "its own dialect"},
    {"triton", "the triton dialect"},
    {"infinity", "its own dialect"},
    {"petals", "its own dialect"},
    {"tei", "its own dialect"},
    {"langgraph", "its own dialect"},
    {"manus", "the responses dialect"},
    {"nomic", "its own dialect"},
    {"reka", "its own dialect"},
};

}  // namespace

std::span<const LaterRow> later_rows() { return rows; }

}  // namespace gotthard::provider
