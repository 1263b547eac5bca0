// An upstream: a row of the catalogue made concrete by the configuration. Immutable, part of the Snapshot, shared by all
// shards. Everything that does not depend on the request is prepared: request targets, header lines, authentication.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.hpp"
#include "base/secret.hpp"
#include "provider/provider.hpp"

namespace gotthard::provider {

/// Looks up an environment variable; nullopt or "" means not set.
using Environment = std::function<std::optional<std::string>(std::string_view)>;

/// An http(s) URL in parts.
struct BaseUrl {
    bool secure = true;
    std::string host;  ///< Lower case; IPv6 without brackets.
    std::uint16_t port = 443;
    std::string path;  ///< "", "/v1", or "/" when it was written so; no other slash at its end; percent-encoding as written.

    std::string authority() const;  ///< For the Host header: port only when it is not the scheme's own, IPv6 in brackets.
    std::string text() const;
    bool operator==(const BaseUrl&) const = default;
};
/// Refuses other schemes, user info, queries, fragments, dot segments, blanks and control characters.
/// Failure::message says what is wrong without repeating the URL.
Result<BaseUrl> parse_base_url(std::string_view text);

/// A header line to send; the value may be a secret.
struct HeaderLine {
    std::string name;  ///< Lower case.
    Secret value;
    bool only_if_absent = false;  ///< Gives way to the same header of the request.
};

/// One credential of an upstream, ready to be sent.
struct Account {
    std::string name = "default";
    std::uint32_t weight = 1;
    Secret key;  ///< Empty: calls go without authentication (E196).

    struct Prepared {
        std::vector<HeaderLine> headers;
        Secret query;           ///< "key=VALUE", percent-encoded; empty for nearly all.
        std::string_view beta;  ///< To be merged into anthropic-beta (E040); "" for nearly all.
    };
    std::array<Prepared, dialect_count> prepared;
    const Prepared& for_dialect(DialectId id) const { return prepared[static_cast<std::size_t>(id)]; }
};

class Upstream {
public:
    const Row* row = nullptr;
    BaseUrl base;
    std::vector<DialectId> dialects;  ///< In order of preference; never empty.
    std::uint32_t quirks = 0;
    std::vector<Account> accounts;  ///< Never empty: without a key, one with an empty key.

    bool speaks(DialectId id) const;
    /// The client's own dialect when the upstream has it, else the first it has.
    DialectId dialect_for(DialectId client) const { return speaks(client) ? client : dialects.front(); }
    bool supports(DialectId id, Operation operation) const;

    /// Appends path and query of a call, query authentication included. `model` is percent-encoded where the path needs it.
    /// Allocates nothing when `out` has room. Only for supported operations.
    void append_target(DialectId id, Operation operation, std::string_view model, const Account& account, std::string& out) const;
    /// The same for any other path of the provider: `path` as the client wrote it behind /passthrough/{provider}, beginning
    /// with '/'; `query` without '?', may be empty. Refuses what could leave the base URL (dot segments, encoded or not).
    Status append_passthrough(DialectId id, std::string_view path, std::string_view query, const Account& account,
                              std::string& out) const;

    /// Fixed header lines of the row and the operator's own. Authentication is not among them.
    std::span<const HeaderLine> headers(DialectId id) const { return headers_[static_cast<std::size_t>(id)]; }

private:
    friend struct UpstreamBuilder;
    struct Target {
        bool supported = false;
        std::string before;  ///< Up to the model, or the whole path.
        bool model = false;
        std::string after;
        std::string query;  ///< With its '?'.
    };
    std::array<std::array<Target, operation_count>, dialect_count> targets_;
    std::array<std::vector<HeaderLine>, dialect_count> headers_;
};

/// What the configuration says about an upstream, as values.
struct UpstreamSettings {
    const Row* row = nullptr;
    std::optional<BaseUrl> base;                                ///< Default: the row's, its holes filled.
    std::vector<DialectId> dialects;                            ///< Default: the row's.
    std::map<std::string, std::string, std::less<>> variables;  ///< See fill_variables().
    std::vector<std::pair<std::string, Secret>> headers;
    std::optional<Auth> auth;  ///< Default: the row's.
    std::uint32_t more_quirks = 0;
    struct Key {
        std::string name;
        Secret key;
        std::uint32_t weight = 1;
        bool always_bearer = false;
    };
    std::vector<Key> keys;
};

/// Fails with the sentence for the configuration's fault: a missing variable, a missing base URL, a dialect it has not.
Result<Upstream> make_upstream(const UpstreamSettings& settings);

/// Adds what the environment says to the row's variables that `values` does not hold.
void fill_variables(const Row& row, const Environment& environment, std::map<std::string, std::string, std::less<>>& values);

/// The base URL from the row's usual variables; nullopt when none is set.
struct UsualBase {
    std::string_view variable;
    std::string text;
};
std::optional<UsualBase> usual_base(const Row& row, const Environment& environment);

/// The row's key from its usual variables.
struct UsualKey {
    std::string_view variable;
    Secret key;
    bool always_bearer = false;
};
std::optional<UsualKey> usual_key(const Row& row, const Environment& environment);

/// Whether a client's header may travel to an upstream that speaks the client's dialect: never authentication (E249),
/// nothing that belongs to one connection, nothing of our own.
bool forwards_client_header(std::string_view name);
/// Whether this can be the name of a header at all.
bool is_header_name(std::string_view name);
/// Whether an operator may set this header for a provider: not those that frame the message or belong to one connection.
bool settable_header(std::string_view name);
/// Visible ASCII (and blanks inside when `blanks`), nothing that could end a header line.
bool is_header_value(std::string_view text, bool blanks);

}  // namespace gotthard::provider
