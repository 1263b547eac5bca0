// Who is calling: virtual keys of clients, tokens of administrators.
//
// A key is `sk-gw-` + 32 base62 characters + 6 base62 characters of their CRC-32. Only HMAC-SHA-256(server secret, whole token) is
// stored; the secret is DATA/server.key (0600, made once). Keys of the configuration may have any value and stand beside those of the store.
//
// Threads: one Identity for the process; its changing members may be called from any thread but a shard's loop (they may wait for
// the store). Each shard has an Authenticator of its own, whose calls take no lock: a change is seen by the next call on every shard.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/failure.hpp"
#include "base/secret.hpp"
#include "identity/key_hash.hpp"
#include "store/ports.hpp"

namespace gotthard::identity {

/// The holder of a key, as it was when it was authenticated. Immutable but for last_used.
struct Caller {
    std::string key_id;  ///< UUIDv7 text.
    std::string name;    ///< The key's alias.
    std::string team;    ///< Empty: none.
    std::string source;  ///< "store", "config", or "off" (auth: off).
    std::vector<std::string> models;  ///< Globs; empty: everything.
    Micros expires_at = 0;
    Micros revoked_at = 0;
    mutable std::atomic<Micros> last_used{0};  ///< To the second.

    /// Whether one of the names that mean the same target ("fast", "lab/qwen3-8b", ...) matches one of the globs.
    bool may_use(std::string_view model) const;
    bool may_use(std::span<const std::string_view> names) const;
};
/// Held by the exchange for as long as it needs the caller. The count behind it belongs to the shard: keep it on its thread.
using CallerRef = std::shared_ptr<const Caller>;

/// A key of the configuration.
struct ConfiguredKey {
    std::string name;
    Secret value;
    std::string team;
    std::vector<std::string> models;
    Micros expires_at = 0;
};

struct NewKey {
    std::string name;  ///< 1 to 128 characters, no control characters.
    std::string team;
    std::vector<std::string> models;
    Micros expires_at = 0;
    std::string metadata = "{}";
};

/// What may change; unset members stay.
struct KeyChange {
    std::optional<std::string> name;
    std::optional<std::string> team;
    std::optional<std::vector<std::string>> models;
    std::optional<Micros> expires_at;
    std::optional<std::string> metadata;
    std::int64_t version = 0;  ///< If not 0, the version the change was made for (If-Match).
};

/// A fresh key: its value is shown here and never again.
struct IssuedKey {
    store::KeyRow row;
    Secret value;
};

struct IssuedToken {
    store::TokenRow row;
    Secret value;
};

struct Administrator {
    std::string id;
    std::string name;
};

/// What the first start made; empty secrets: nothing was made.
struct FirstRun {
    Secret admin_token;
    Secret client_key;
    std::string file_problem;  ///< Why first-run.txt could not be written; empty: it was.
};

/// The secret under which keys are hashed, and whether it was made just now.
struct ServerSecret {
    Secret value;
    bool fresh = false;
};

struct FirstRunPolicy {
    bool make_admin_token = true;  ///< False when GOTTHARD_ADMIN_TOKEN is set or nobody is there to read it.
    bool make_client_key = true;   ///< False when the configuration declares keys.
};

class Snapshot;  // the look-up table, immutable

class Identity {
public:
    /// Loads all keys and tokens; fails when the secret is fresh while the store holds keys of a lost one. Clock and random outlive this.
    static Result<std::unique_ptr<Identity>> open(store::KeyStore& keys, store::TokenStore& tokens, ServerSecret secret, const Clock& clock, Random& random);
    ~Identity();

    // keys
    Result<IssuedKey> create_key(NewKey wanted);
    Result<store::KeyRow> update_key(std::string_view id, const KeyChange& change);
    /// In force at once even if the store cannot be written; then the Failure says that a restart would bring the key back.
    Result<store::KeyRow> revoke_key(std::string_view id);
    /// A new value for the same key; the old one stops at once, or after `grace`.
    Result<IssuedKey> rotate_key(std::string_view id, Micros grace = 0);
    Result<store::KeyRow> get_key(std::string_view id) const;
    /// By id, newest first; revoked ones included. `cursor` is the last id of the page before; empty: from the newest.
    std::vector<store::KeyRow> list_keys(std::string_view cursor, std::size_t limit) const;
    std::size_t key_count() const;  ///< In force: neither revoked nor expired.

    /// Replaces the keys of the configuration; ids stay with their names across reloads and restarts. Two keys with one value, or a
    /// value that the store holds too, are invalid_request and nothing changes.
    Status set_configured_keys(std::vector<ConfiguredKey> keys);

    // administrators
    Result<IssuedToken> create_admin_token(std::string name, Micros expires_at = 0);
    Status revoke_admin_token(std::string_view id);
    std::vector<store::TokenRow> list_admin_tokens() const;
    /// GOTTHARD_ADMIN_TOKEN; empty: none. At least 16 characters, else invalid_request.
    Status set_configured_admin_token(Secret value);
    Result<Administrator> authenticate_admin(std::string_view token) const;

    /// Makes what the policy says if the store holds neither keys nor tokens, and writes DATA/first-run.txt (0600).
    Result<FirstRun> first_run(const std::string& data_folder, FirstRunPolicy policy);

    /// Writes changed last_used times to the store. Called every few seconds by a background thread.
    Status save_last_used();

private:
    friend class Authenticator;
    using Rows = std::map<std::string, store::KeyRow, std::less<>>;

    Identity(store::KeyStore& keys, store::TokenStore& tokens, Secret secret, const Clock& clock, Random& random);
    Result<store::KeyRow> editable(std::string_view id) const;
    Result<IssuedKey> put_new_value(store::KeyRow row);
    Status put(store::KeyRow& row);
    Result<store::KeyRow> row_for(const ConfiguredKey& key, const KeyHash& hash, const store::KeyRow* known) const;
    bool in_force(const store::KeyRow& row) const;
    std::shared_ptr<const Snapshot> snapshot() const;
    void replace_snapshot(std::shared_ptr<const Snapshot> snapshot);
    void rebuild();

    store::KeyStore& key_store_;
    store::TokenStore& token_store_;
    const Clock& clock_;
    Random& random_;
    KeyHasher hasher_;

    mutable std::mutex mutex_;  // rows and configured ids; held while the store writes
    Rows rows_;
    std::set<std::string, std::less<>> configured_;  // ids of the keys that the configuration declares now

    mutable std::mutex tokens_mutex_;
    std::vector<store::TokenRow> tokens_;
    store::TokenRow configured_token_;

    mutable std::mutex snapshot_mutex_;  // the pointer only
    std::shared_ptr<const Snapshot> snapshot_;
    std::atomic<std::uint64_t> version_{0};
};

/// A shard's own view of the keys. One thread.
class Authenticator {
public:
    explicit Authenticator(const Identity& identity);
    ~Authenticator();

    /// invalid_api_key | key_expired | key_revoked. Any bytes of any length.
    Result<CallerRef> authenticate(std::string_view token, Micros wall);

private:
    void refresh();
    const Identity& identity_;
    KeyHasher hasher_;
    std::uint64_t seen_ = ~std::uint64_t{0};
    std::shared_ptr<const Snapshot> snapshot_;  // with a count of its own, so that shards do not share one
};

/// The places a client may put its key (G-1), as the head had them; empty: absent.
struct KeyPlaces {
    std::string_view authorization;  ///< "Bearer TOKEN", scheme in any case.
    std::string_view x_api_key;
    std::string_view x_goog_api_key;
    std::string_view api_key;
    std::string_view query_key;      ///< ?key=, percent-decoded.
};
/// The key: the first that begins with "sk-gw-", else the first that is there; "" when there is none.
std::string_view find_key(const KeyPlaces& places);
/// The caller of every request when `auth: off`.
CallerRef anonymous_caller();

/// DATA/first-run.txt with what was made.
Status write_first_run_file(const std::string& data_folder, const FirstRun& made);

/// DATA/server.key: 32 random bytes as hex, mode 0600; made when absent. A file that is damaged or open to others is a Failure that says what to do.
Result<ServerSecret> load_server_secret(const std::string& data_folder);

/// `prefix` + 32 base62 characters + 6 of CRC-32.
Secret make_token(std::string_view prefix);
/// Whether a text that begins with "sk-gw-" has the right length and checksum.
bool has_valid_checksum(std::string_view token);
inline constexpr std::string_view key_prefix = "sk-gw-";
inline constexpr std::string_view admin_prefix = "gw-admin-";

}  // namespace gotthard::identity
