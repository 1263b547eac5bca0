#include "provider/discovery.hpp"

#include <gtest/gtest.h>

#include <map>

namespace gotthard::provider {
namespace {

std::vector<std::string> ids(std::string_view body) {
    std::vector<std::string> out;
    const auto models = parse_model_list(body);
    EXPECT_TRUE(models.has_value()) << body;
    if (models)
        for (const auto& model : *models) out.push_back(model.id);
    return out;
}

using Ids = std::vector<std::string>;

TEST(ModelList, IsReadFromEveryKindOfEngine) {
    EXPECT_EQ(ids(R"({"object":"list","data":[{"id":"gpt-5","object":"model","owned_by":"openai"},{"id":"gpt-5-mini"}]})"),
              (Ids{"gpt-5", "gpt-5-mini"}));
    EXPECT_EQ(
        ids(R"({"data":[{"type":"model","id":"claude-sonnet-5","display_name":"Claude Sonnet 5","created_at":"x"}],"has_more":false})"),
        (Ids{"claude-sonnet-5"}));
    EXPECT_EQ(ids(R"({"models":[{"name":"qwen3:8b","model":"qwen3:8b","details":{}}]})"), (Ids{"qwen3:8b"}));
    EXPECT_EQ(ids(R"([{"id":"a/b"},{"id":"c"}])"), (Ids{"a/b", "c"}));
    EXPECT_EQ(ids(R"(["x","y"])"), (Ids{"x", "y"}));
    EXPECT_EQ(ids(R"({"object":"list","data":null})"), Ids{});  // Ollama without models
    EXPECT_EQ(
        ids(R"({"models":[{"name":"m","model":"m"}],"object":"list","data":[{"id":"smollm2","owned_by":"llamacpp","meta":{"n_ctx_train":8192}}]})"),
        (Ids{"smollm2"}));
}

TEST(ModelList, KeepsOwnerNameAndContext) {
    const auto models =
        parse_model_list(R"({"data":[{"id":"m","owned_by":"vllm","max_model_len":4096,"display_name":"M"}]})").value();
    EXPECT_EQ(models[0], (ListedModel{"m", "M", "vllm", 4096}));
    EXPECT_EQ(parse_model_list(R"({"data":[{"id":"m","meta":{"n_ctx_train":8192}}]})").value()[0].context, 8192);
}

TEST(ModelList, LeavesOutWhatHasNoUsableIdAndWhatRepeats) {
    EXPECT_EQ(ids(R"({"data":[{"id":""},{"id":5},{"object":"model"},null,{"id":"a"},{"id":"a"},{"id":"b\nc"}]})"), Ids{"a"});
}

TEST(ModelList, EverythingElseIsMalformed) {
    for (const char* body : {"", "{", "<html>", "5", "{}", R"({"data":{}})", R"({"error":{"message":"no"}})", R"({"data":null})"})
        EXPECT_EQ(parse_model_list(body).error().kind, FailureKind::upstream_malformed) << body;
}

TEST(ModelList, IsBounded) {
    std::string many = R"({"data":[)";
    for (int i = 0; i < 10'500; ++i) many += (i == 0 ? "" : ",") + std::string(R"({"id":"m)") + std::to_string(i) + "\"}";
    EXPECT_EQ(parse_model_list(many + "]}")->size(), 10'000u);
}

TEST(LocalEngines, EveryPlaceIsAskedOnce) {
    const auto probes = local_probes();
    std::map<std::pair<std::uint16_t, std::string>, std::size_t> places;
    for (const auto& probe : probes) {
        EXPECT_EQ((++places[{probe.port, probe.target}]), 1u) << probe.port << probe.target;
        EXPECT_FALSE(probe.candidates.empty());
    }
    EXPECT_TRUE(places.contains({11434, "/v1/models"}));
    EXPECT_TRUE(places.contains({8080, "/v1/models"}));
    EXPECT_TRUE(places.contains({8000, "/v1/models"}));
    EXPECT_TRUE(places.contains({30000, "/v1/models"}));
    EXPECT_TRUE(places.contains({1234, "/v1/models"}));
}

Probe probe_of(std::uint16_t port) {
    for (const auto& probe : local_probes())
        if (probe.port == port && probe.target == "/v1/models") return probe;
    return {};
}

TEST(LocalEngines, NameThemselvesOnAPortThatSeveralUse) {
    const Probe at_8080 = probe_of(8080);
    const std::vector<ListedModel> plain = {{"m", "", "", 0}};
    const std::vector<ListedModel> owned = {{"m", "", "llamacpp", 0}};
    EXPECT_EQ(recognise_engine(at_8080, "llama.cpp", plain)->id, "llama_cpp");
    EXPECT_EQ(recognise_engine(at_8080, "", owned)->id, "llama_cpp");
    EXPECT_EQ(recognise_engine(at_8080, "LocalAI/2", plain)->id, "localai");
    EXPECT_EQ(recognise_engine(at_8080, "nginx", plain)->id, at_8080.candidates.front()->id);
    const std::vector<ListedModel> sglang = {{"m", "", "sglang", 0}};
    EXPECT_EQ(recognise_engine(probe_of(30000), "uvicorn", sglang)->id, "sglang");
    EXPECT_EQ(recognise_engine(probe_of(8000), "uvicorn", plain)->id, "vllm");
}

TEST(Environment, ShowsProvidersWhoseKeysAreSet) {
    std::map<std::string, std::string, std::less<>> set = {
        {"GROQ_API_KEY", "k"}, {"ANTHROPIC_API_KEY", "k"}, {"HF_TOKEN", "k"}, {"OPENAI_API_KEY", " "}};
    const auto found = keys_in_environment([&](std::string_view name) -> std::optional<std::string> {
        const auto entry = set.find(name);
        if (entry == set.end()) return std::nullopt;
        return entry->second;
    });
    std::vector<std::string> names;
    for (const auto& key : found) names.emplace_back(std::string(key.row->id) + "=" + std::string(key.variable));
    EXPECT_EQ(names, (std::vector<std::string>{"anthropic=ANTHROPIC_API_KEY", "groq=GROQ_API_KEY", "huggingface=HF_TOKEN"}));
}

}  // namespace
}  // namespace gotthard::provider
