// The table of providers: internally consistent, and equal to the reference list where that is at hand.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/text.hpp"
#include "provider/discovery.hpp"
#include "provider/provider.hpp"
#include "provider/upstream.hpp"

namespace gotthard::provider {
namespace {

std::vector<const Row*> every_row() {
    std::vector<const Row*> rows;
    for (const auto table : tables())
        for (const Row& row : table) rows.push_back(&row);
    return rows;
}

UpstreamSettings settings_for(const Row& row) {
    UpstreamSettings settings{.row = &row};
    for (const Variable& variable : row.variables) settings.variables.emplace(variable.name, "x1");
    if (row.base_url.empty()) settings.base = parse_base_url("https://example.test/v1").value();
    return settings;
}

TEST(Catalogue, EveryRowMakesAnUpstreamThatCanGenerate) {
    for (const Row* row : every_row()) {
        const auto upstream = make_upstream(settings_for(*row));
        ASSERT_TRUE(upstream.has_value()) << row->id << ": " << upstream.error().message;
        for (const DialectId id : row->dialects) {
            EXPECT_TRUE(upstream->supports(id, Operation::generate)) << row->id;
            std::string target;
            upstream->append_target(id, Operation::generate, "m", upstream->accounts[0], target);
            EXPECT_TRUE(target.starts_with('/')) << row->id << " " << target;
            EXPECT_EQ(target.find('{'), std::string::npos) << row->id << " " << target;
            EXPECT_EQ(target.find("//"), std::string::npos) << row->id << " " << target;
        }
    }
}

TEST(Catalogue, IdsAreUniqueAndUsableAsPrefixesOfModelNames) {
    std::set<std::string> seen;
    for (const Row* row : every_row()) {
        EXPECT_TRUE(seen.insert(std::string(row->id)).second) << row->id;
        EXPECT_EQ(row->id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string_view::npos) << row->id;
    }
    for (const std::string& id : later_ids()) EXPECT_FALSE(seen.contains(id)) << id;
}

TEST(Catalogue, EveryQuirkHasAName) {
    const auto names = quirk_names();
    std::uint32_t all = 0;
    for (const auto& name : names) all |= find_quirk(name);
    EXPECT_EQ(all, (1u << names.size()) - 1);
    EXPECT_EQ(find_quirk("nonsense"), 0u);
}

TEST(Catalogue, LocalEnginesAreOnLoopbackAndNeedNoKey) {
    for (const Row* row : every_row()) {
        if (!row->local_engine) continue;
        const auto base = parse_base_url(row->base_url).value();
        EXPECT_TRUE(base.host == "localhost" || base.host == "127.0.0.1") << row->id;
        EXPECT_EQ(base.port, row->default_port) << row->id;
        EXPECT_TRUE(row->key_optional) << row->id;
    }
}

TEST(Catalogue, ProvidersOfOtherDialectsAreKnownByName) {
    EXPECT_EQ(missing_for("gemini"), "the gemini dialect");
    EXPECT_EQ(missing_for("bedrock"), "the bedrock dialect");
    EXPECT_FALSE(missing_for("cohere").empty());
    EXPECT_EQ(missing_for("openai"), "");
    EXPECT_EQ(missing_for("nonsense"), "");
}

TEST(Catalogue, DialectsHaveTheNamesOfTheConfiguration) {
    EXPECT_EQ(find_dialect("chat"), DialectId::chat);
    EXPECT_EQ(find_dialect("anthropic"), DialectId::anthropic);
    EXPECT_EQ(find_dialect("responses"), std::nullopt);
    EXPECT_TRUE(is_later_dialect("responses"));
    EXPECT_FALSE(is_later_dialect("chat"));
    EXPECT_FALSE(is_later_dialect("smtp"));
    EXPECT_EQ(dialect_name(DialectId::anthropic), "anthropic");
}

TEST(Catalogue, HasItsPage) {
    const std::string path = GOTTHARD_SOURCE_DIR "/docs/reference/providers.md";
    if (std::getenv("GOTTHARD_WRITE_EXPECTED") != nullptr) std::ofstream(path, std::ios::binary) << catalogue_markdown();
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_EQ(text.str(), catalogue_markdown());
}

// ---- against the reference list ----

using Columns = std::map<std::string, std::string>;

std::vector<std::string> split(const std::string& line, char separator) {
    std::vector<std::string> parts(1);
    for (const char c : line) {
        if (c == separator)
            parts.emplace_back();
        else
            parts.back() += c;
    }
    return parts;
}

std::vector<Columns> reference_rows() {
    std::ifstream file(GOTTHARD_SOURCE_DIR "/../shared/providers.tsv");
    std::vector<Columns> rows;
    std::vector<std::string> names;
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line[0] == '#') continue;
        auto parts = split(line, '\t');
        if (names.empty()) {
            names = parts;
            continue;
        }
        Columns row;
        for (std::size_t i = 0; i < names.size(); ++i) row[names[i]] = i < parts.size() ? parts[i] : "";
        rows.push_back(std::move(row));
    }
    return rows;
}

bool ours(const Columns& row) {
    bool dialect = false, way = false;
    for (const auto& name : split(row.at("dialect"), '|')) dialect |= name == "openai" || name == "anthropic";
    for (const auto& auth : split(row.at("auth"), '|')) way |= parse_auth(auth).has_value();
    return dialect && way;
}

std::string normalised(std::string text) {
    const auto hole = text.find("{AZURE_API_VERSION}");
    if (hole != std::string::npos) text.replace(hole, 19, "{api_version}");
    return text;
}

void expect_same_auth(const Row& row, const Columns& reference) {
    bool optional = false;
    std::vector<Auth> ways;
    const auto words = split(reference.at("auth"), '|');
    for (const auto& word : words) {
        const auto auth = parse_auth(word);
        if (auth == no_auth)
            optional = true;
        else if (auth)
            ways.push_back(*auth);
    }
    EXPECT_EQ(row.key_optional, optional) << row.id;
    const bool messages_first = row.dialects[0] == DialectId::anthropic;
    const Auth used = messages_first && row.messages_auth ? *row.messages_auth : row.auth;
    ASSERT_FALSE(ways.empty()) << row.id;
    EXPECT_EQ(used, ways.front()) << row.id;
}

void expect_same_keys(const Row& row, const Columns& reference) {
    for (const auto& name : split(reference.at("key_env"), '|')) {
        if (name.empty() || name.find('+') != std::string::npos) continue;
        EXPECT_TRUE(row.key_env.contains(name) || row.bearer_key_env.contains(name)) << row.id << " " << name;
    }
    for (const auto& name : split(reference.at("base_env"), '|'))
        if (!name.empty()) EXPECT_TRUE(row.base_env.contains(name)) << row.id << " " << name;
}

void expect_same_paths(const Row& row, const Columns& reference) {
    const bool native_first = split(reference.at("dialect"), '|').front() == "ollama";
    const std::string expected = native_first ? "/v1/chat/completions" : normalised(reference.at("chat_path"));
    const bool messages_first = row.dialects[0] == DialectId::anthropic;
    if (!expected.empty()) EXPECT_EQ(messages_first ? row.messages_path : row.chat_path, expected) << row.id;
    for (const auto& path : split(reference.at("other_paths"), '|')) {
        if (path.ends_with("/v1/messages") && path.starts_with('/')) EXPECT_EQ(row.messages_path, path) << row.id;
        if (path == "/embeddings" || path == "/v1/embeddings")
            EXPECT_TRUE(row.embeddings_path.ends_with("/embeddings")) << row.id;
        if (path == "/models") EXPECT_EQ(row.models_path, path) << row.id;
    }
}

TEST(Catalogue, HoldsEveryApplicableRowOfTheReferenceList) {
    for (const Columns& reference : reference_rows()) {
        const std::string& id = reference.at("id");
        if (!ours(reference)) {
            EXPECT_EQ(find_row(id), nullptr) << id;
            EXPECT_FALSE(missing_for(id).empty()) << id;
            continue;
        }
        const Row* row = find_row(id);
        ASSERT_NE(row, nullptr) << id;
        EXPECT_EQ(row->name, reference.at("name"));
        EXPECT_EQ(row->base_url, reference.at("base_url")) << id;
        EXPECT_EQ(row->local_engine, reference.at("local_engine") == "yes") << id;
        if (const auto& port = reference.at("default_port"); !port.empty())
            EXPECT_EQ(std::to_string(row->default_port), port) << id;
        expect_same_auth(*row, reference);
        expect_same_keys(*row, reference);
        expect_same_paths(*row, reference);
        std::set<std::string> dialects;
        for (const auto& name : split(reference.at("dialect"), '|')) dialects.insert(name == "openai" ? "chat" : name);
        for (const DialectId dialect : row->dialects) EXPECT_TRUE(dialects.contains(std::string(dialect_name(dialect)))) << id;
        EXPECT_EQ(row->dialects.size(), dialects.count("chat") + dialects.count("anthropic")) << id;
    }
}

}  // namespace
}  // namespace gotthard::provider
