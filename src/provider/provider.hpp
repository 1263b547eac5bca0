// The catalogue of providers: one constexpr row says everything about a provider that a program must know. Rows stand in
// table_*.cpp; adding a provider is adding a row (docs/adding-a-provider.md). Nothing here does I/O.
//
// Full URL of a call = base URL + path. A path may hold {model} (the upstream's model id) and {variable} (from the
// configuration, or the row's environment variables). It may carry a query. Two rules join base and path:
//   "^/anthropic/v1/messages"   starts at the host's root, not at the base URL's path;
//   base ".../v1" and path "/v1/messages"   the version segment is written once.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dialect/dialect.hpp"

namespace gotthard::provider {

using llm::DialectId;

inline constexpr std::size_t dialect_count = 2;

/// A short list that may stand in a constexpr row.
template <class T, std::size_t Capacity>
class Few {
public:
    constexpr Few() = default;
    constexpr Few(std::initializer_list<T> items) {
        for (const T& item : items) items_[size_++] = item;
    }
    constexpr const T* begin() const { return items_.data(); }
    constexpr const T* end() const { return items_.data() + size_; }
    constexpr std::size_t size() const { return size_; }
    constexpr bool empty() const { return size_ == 0; }
    constexpr const T& operator[](std::size_t index) const { return items_[index]; }
    constexpr bool contains(const T& wanted) const {
        for (const T& item : *this)
            if (item == wanted) return true;
        return false;
    }

private:
    std::array<T, Capacity> items_{};
    std::size_t size_ = 0;
};

/// How a credential travels.
enum class AuthKind : std::uint8_t {
    none,    ///< Not at all.
    bearer,  ///< Authorization: Bearer KEY
    header,  ///< NAME: KEY
    query,   ///< ?NAME=KEY
    scheme,  ///< Authorization: NAME KEY
};

struct Auth {
    AuthKind kind = AuthKind::bearer;
    std::string_view name;  ///< Header, query parameter or scheme.
    constexpr bool operator==(const Auth&) const = default;
};

inline constexpr Auth no_auth{AuthKind::none, {}};
inline constexpr Auth bearer{AuthKind::bearer, {}};
constexpr Auth header(std::string_view name) { return {AuthKind::header, name}; }
constexpr Auth query(std::string_view name) { return {AuthKind::query, name}; }
constexpr Auth scheme(std::string_view name) { return {AuthKind::scheme, name}; }

/// Reads "bearer", "none", "header:NAME", "query:NAME", "scheme:NAME"; the name views `text`.
std::optional<Auth> parse_auth(std::string_view text);

/// What a row asks for beside a key: a hole in its URL, paths or headers, and a key of the provider's configuration.
struct Variable {
    std::string_view name;
    Few<std::string_view, 2> env;  ///< Environment variables, the first one set wins.
    std::string_view fallback;     ///< Used when neither is given.
    bool required = true;          ///< Missing: the configuration is refused. Else: headers that need it are left out.
};

/// A header sent with every call. `value` may hold {variable} and {api_key}.
struct FixedHeader {
    std::string_view name;
    std::string_view value;
    bool only_if_absent = false;  ///< Gives way to the same header of the request.
    std::optional<DialectId> only_for;
};

struct Row {
    std::string_view id;                             ///< Name in the configuration and prefix of its models.
    std::string_view name;                           ///< For people.
    std::string_view base_url;                       ///< Empty: the operator must give one.
    Few<std::string_view, 5> key_env;                ///< Usual variables of the key, the first one set wins.
    Few<std::string_view, 2> bearer_key_env;         ///< Variables whose key always goes as Bearer.
    Few<std::string_view, 3> base_env;               ///< Usual variables of the base URL.
    Auth auth = bearer;                              ///< For every dialect without a way of its own.
    std::optional<Auth> messages_auth;               ///< For the anthropic dialect.
    bool key_optional = false;                       ///< Works without a key; none is made up (E196).
    Few<DialectId, 2> dialects = {DialectId::chat};  ///< In order of preference.

    std::string_view chat_path = "/chat/completions";
    std::string_view messages_path = "/v1/messages";
    std::string_view count_tokens_path = "/v1/messages/count_tokens";
    std::string_view models_path = "/models";          ///< Empty: the provider cannot list its models.
    std::string_view embeddings_path = "/embeddings";  ///< Empty: none.

    std::uint32_t quirks = 0;  ///< Set of dialect::Quirk.
    Few<Variable, 3> variables;
    Few<FixedHeader, 3> headers;
    bool local_engine = false;
    bool generic = false;                  ///< Any engine of its dialects: `dialects` may name all that are spoken here.
    std::uint16_t default_port = 0;        ///< Where discovery asks.
    std::int64_t first_token_seconds = 0;  ///< Slower than the general default: the row's own; 0: the default.
};

/// The catalogue, as tables of rows in the order of the documentation.
std::span<const std::span<const Row>> tables();
/// A row by its id; nullptr when unknown.
const Row* find_row(std::string_view id);
/// Ids of all rows, for "did you mean".
std::vector<std::string> row_ids();
/// What a known provider needs and this version lacks ("the gemini dialect", "sigv4 authentication"); "" for all other names.
std::string_view missing_for(std::string_view id);
/// Names that missing_for knows.
std::vector<std::string> later_ids();

/// docs/reference/providers.md.
std::string catalogue_markdown();

/// "chat", "anthropic", ...: the names of the configuration.
std::string_view dialect_name(DialectId id);
std::optional<DialectId> find_dialect(std::string_view name);
/// Names of dialects that the contract knows and this version does not speak.
bool is_later_dialect(std::string_view name);

/// Quirks by the names of the configuration ("max_tokens_key"); 0 when unknown.
std::uint32_t find_quirk(std::string_view name);
std::vector<std::string> quirk_names();

/// What is asked of an upstream.
enum class Operation : std::uint8_t {
    generate,  ///< chat completions or messages, by dialect
    count_tokens,
    models,
    embeddings,
};
inline constexpr std::size_t operation_count = 4;

}  // namespace gotthard::provider
