#include "identity/identity.hpp"

#include "base/id.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "identity/snapshot.hpp"

namespace gotthard::identity {
namespace {

constexpr std::size_t longest_name = 128, longest_glob = 256, most_globs = 256, longest_metadata = 8192, shortest_admin_token = 16;

std::string bytes_of(const KeyHash& hash) { return {reinterpret_cast<const char*>(hash.data()), hash.size()}; }

/// What may be shown of a key: enough to tell keys apart, too little to use one.
std::string hint_of(std::string_view value) {
    const auto end = value.substr(value.size() - std::min<std::size_t>(4, value.size()));
    if (value.starts_with(key_prefix) && value.size() >= 30) return fmt::format("{}...{}", value.substr(0, key_prefix.size() + 4), end);
    if (value.starts_with(admin_prefix) && value.size() >= 30) return fmt::format("{}...{}", value.substr(0, admin_prefix.size() + 4), end);
    return value.size() >= 24 ? fmt::format("...{}", end) : "...";
}

bool is_plain_text(std::string_view text) {
    return is_utf8(text) && std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Status check_text(std::string_view what, std::string_view text, bool may_be_empty) {
    if ((text.empty() && !may_be_empty) || text.size() > longest_name || !is_plain_text(text))
        return fail(FailureKind::invalid_request, fmt::format("the {} must be 1 to {} bytes of text without control characters", what, longest_name));
    return {};
}

Status check_models(const std::vector<std::string>& models) {
    if (models.size() > most_globs) return fail(FailureKind::invalid_request, fmt::format("a key takes at most {} model patterns", most_globs));
    for (const auto& glob : models)
        if (glob.empty() || glob.size() > longest_glob || !is_plain_text(glob))
            return fail(FailureKind::invalid_request, fmt::format("a model pattern must be 1 to {} bytes, for example \"openai/*\"", longest_glob));
    return {};
}

Status check_metadata(std::string_view metadata) {
    json::Document document;
    if (metadata.size() > longest_metadata || !document.parse(metadata) || !document.root().is_object())
        return fail(FailureKind::invalid_request, fmt::format("metadata must be a JSON object of at most {} bytes", longest_metadata));
    return {};
}

Status check_row(const store::KeyRow& row) {
    if (auto good = check_text("name", row.name, false); !good) return good;
    if (auto good = check_text("team", row.team, true); !good) return good;
    if (auto good = check_models(row.models); !good) return good;
    return check_metadata(row.metadata);
}

Failure no_such_key(std::string_view id) {
    return Failure(FailureKind::not_found, fmt::format("there is no key with the id {}; list them with: gotthard keys list", utf8_prefix(id, 64)));
}

}  // namespace

bool Caller::may_use(std::string_view model) const {
    return models.empty() || std::ranges::any_of(models, [&](const auto& glob) { return glob_match(glob, model); });
}

bool Caller::may_use(std::span<const std::string_view> names) const {
    return models.empty() || std::ranges::any_of(names, [&](auto one) { return !one.empty() && may_use(one); });
}

Identity::Identity(store::KeyStore& keys, store::TokenStore& tokens, Secret secret, const Clock& clock, Random& random)
    : key_store_(keys), token_store_(tokens), clock_(clock), random_(random), hasher_(secret.reveal()), snapshot_(Snapshot::build({})) {}

Identity::~Identity() = default;

Result<std::unique_ptr<Identity>> Identity::open(store::KeyStore& keys, store::TokenStore& tokens, ServerSecret secret, const Clock& clock, Random& random) {
    auto key_rows = keys.load_keys();
    if (!key_rows) return fail(std::move(key_rows.error()));
    auto token_rows = tokens.load_tokens();
    if (!token_rows) return fail(std::move(token_rows.error()));
    const auto stored = std::ranges::count_if(*key_rows, [](const auto& row) { return row.source == "store" && row.revoked_at == 0; });
    if (secret.fresh && stored > 0)
        return fail(FailureKind::internal, fmt::format("the data folder holds {} keys, but its server.key is missing; restore that file from a backup, or remove gotthard.db "
                                                       "to start with new keys",
                                                       stored));
    std::unique_ptr<Identity> identity(new Identity(keys, tokens, std::move(secret.value), clock, random));
    for (auto& row : *key_rows) {
        auto id = row.id;
        identity->rows_.emplace(std::move(id), std::move(row));
    }
    identity->tokens_ = std::move(*token_rows);
    identity->rebuild();
    return identity;
}

bool Identity::in_force(const store::KeyRow& row) const { return row.source != "config" || configured_.contains(row.id); }

std::shared_ptr<const Snapshot> Identity::snapshot() const {
    std::lock_guard lock(snapshot_mutex_);
    return snapshot_;
}

void Identity::replace_snapshot(std::shared_ptr<const Snapshot> snapshot) {
    std::lock_guard lock(snapshot_mutex_);
    snapshot_ = std::move(snapshot);
    version_.fetch_add(1, std::memory_order_release);
}

void Identity::rebuild() {
    std::vector<Snapshot::Entry> entries;
    entries.reserve(rows_.size());
    for (const auto& [id, row] : rows_)
        if (in_force(row))
            for (auto& entry : entries_of(row)) entries.push_back(std::move(entry));
    replace_snapshot(Snapshot::build(std::move(entries)));
}

/// Stores the row and lets it take effect. mutex_ is held.
Status Identity::put(store::KeyRow& row) {
    row.updated_at = clock_.wall();
    const auto old = rows_.find(row.id);
    const auto taken = snapshot()->find(hashes_of(row)[0]);
    if (taken != nullptr && taken->caller->key_id != row.id)
        return fail(FailureKind::invalid_request, fmt::format("the key \"{}\" has this value already", taken->caller->name));
    if (auto stored = key_store_.put_key(row); !stored) return stored;
    const auto removed = old == rows_.end() ? std::vector<KeyHash>{} : hashes_of(old->second);
    const auto added = in_force(row) ? entries_of(row) : std::vector<Snapshot::Entry>{};
    if (old == rows_.end())
        rows_.emplace(row.id, row);
    else
        old->second = row;
    replace_snapshot(snapshot()->with(removed, added));
    return {};
}

Result<store::KeyRow> Identity::editable(std::string_view id) const {
    const auto found = rows_.find(id);
    if (found == rows_.end() || !in_force(found->second)) return fail(no_such_key(id));
    if (found->second.source == "config")
        return fail(FailureKind::invalid_request,
                    fmt::format("the key \"{}\" is declared in the configuration under keys:; change it there and reload", found->second.name));
    return found->second;
}

Result<IssuedKey> Identity::put_new_value(store::KeyRow row) {
    Secret value = make_token(key_prefix);
    row.hash = bytes_of(hasher_(value.reveal()));
    row.hint = hint_of(value.reveal());
    if (auto stored = put(row); !stored) return fail(std::move(stored.error()));
    return IssuedKey{std::move(row), std::move(value)};
}

Result<IssuedKey> Identity::create_key(NewKey wanted) {
    const Micros now = clock_.wall();
    store::KeyRow row;
    row.name = std::move(wanted.name);
    row.team = std::move(wanted.team);
    row.models = std::move(wanted.models);
    row.metadata = std::move(wanted.metadata);
    row.expires_at = wanted.expires_at;
    row.source = "store";
    row.created_at = now;
    if (auto good = check_row(row); !good) return fail(std::move(good.error()));
    if (row.expires_at != 0 && row.expires_at <= now) return fail(FailureKind::invalid_request, "the key would expire in the past; give a later time");
    std::lock_guard lock(mutex_);
    row.id = Id::make(now, random_).text();
    return put_new_value(std::move(row));
}

Result<store::KeyRow> Identity::update_key(std::string_view id, const KeyChange& change) {
    std::lock_guard lock(mutex_);
    auto row = editable(id);
    if (!row) return row;
    if (change.version != 0 && change.version != row->version)
        return fail(FailureKind::invalid_request, "the key was changed by somebody else in the meantime; read it again and repeat the change");
    if (change.name) row->name = *change.name;
    if (change.team) row->team = *change.team;
    if (change.models) row->models = *change.models;
    if (change.expires_at) row->expires_at = *change.expires_at;
    if (change.metadata) row->metadata = *change.metadata;
    if (auto good = check_row(*row); !good) return fail(std::move(good.error()));
    if (auto stored = put(*row); !stored) return fail(std::move(stored.error()));
    return row;
}

Result<store::KeyRow> Identity::revoke_key(std::string_view id) {
    std::lock_guard lock(mutex_);
    auto row = editable(id);
    if (!row || row->revoked_at != 0) return row;
    row->revoked_at = clock_.wall();
    row->previous_until = 0;
    auto stored = put(*row);
    if (stored) return row;
    // Refusing the key matters more than remembering it.
    auto& kept = rows_.find(id)->second;
    kept.revoked_at = row->revoked_at;
    kept.previous_until = 0;
    replace_snapshot(snapshot()->with(hashes_of(kept), entries_of(kept)));
    Failure failure = std::move(stored.error());
    failure.message = "the key is refused from now on, but that could not be stored and a restart would bring it back: " + failure.message;
    return fail(std::move(failure));
}

Result<IssuedKey> Identity::rotate_key(std::string_view id, Micros grace) {
    if (grace < 0) return fail(FailureKind::invalid_request, "the grace time of a rotation cannot be negative");
    std::lock_guard lock(mutex_);
    auto row = editable(id);
    if (!row) return fail(std::move(row.error()));
    if (row->revoked_at != 0) return fail(FailureKind::invalid_request, fmt::format("the key \"{}\" is revoked; create a new one", row->name));
    row->rotated_at = clock_.wall();
    row->previous_hash = row->hash;
    row->previous_until = grace == 0 ? 0 : row->rotated_at + grace;
    return put_new_value(std::move(*row));
}

Result<store::KeyRow> Identity::get_key(std::string_view id) const {
    std::lock_guard lock(mutex_);
    const auto found = rows_.find(id);
    if (found == rows_.end() || !in_force(found->second)) return fail(no_such_key(id));
    auto row = found->second;
    if (const auto* entry = snapshot()->find(hashes_of(row)[0])) row.last_used_at = std::max(row.last_used_at, entry->caller->last_used.load(std::memory_order_relaxed));
    return row;
}

std::vector<store::KeyRow> Identity::list_keys(std::string_view cursor, std::size_t limit) const {
    std::lock_guard lock(mutex_);
    const auto table = snapshot();
    std::vector<store::KeyRow> page;
    auto at = cursor.empty() ? rows_.end() : rows_.lower_bound(cursor);
    while (at != rows_.begin() && page.size() < limit) {
        --at;
        if (!in_force(at->second)) continue;
        page.push_back(at->second);
        if (const auto* entry = table->find(hashes_of(page.back())[0]))
            page.back().last_used_at = std::max(page.back().last_used_at, entry->caller->last_used.load(std::memory_order_relaxed));
    }
    return page;
}

std::size_t Identity::key_count() const {
    const Micros now = clock_.wall();
    std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(rows_, [&](const auto& one) {
        const auto& row = one.second;
        return in_force(row) && row.revoked_at == 0 && (row.expires_at == 0 || row.expires_at > now);
    }));
}

/// The row that key gets: `known` changed, or a new one.
Result<store::KeyRow> Identity::row_for(const ConfiguredKey& key, const KeyHash& hash, const store::KeyRow* known) const {
    store::KeyRow row;
    if (known != nullptr)
        row = *known;
    else {
        row.id = Id::make(clock_.wall(), random_).text();
        row.created_at = clock_.wall();
    }
    row.name = key.name;
    row.source = "config";
    row.team = key.team;
    row.models = key.models;
    row.metadata = "{}";
    row.expires_at = key.expires_at;
    row.revoked_at = 0;
    row.hash = bytes_of(hash);
    row.hint = hint_of(key.value.reveal());
    if (auto good = check_row(row); !good) return fail(std::move(good.error()));
    return row;
}

Status Identity::set_configured_keys(std::vector<ConfiguredKey> keys) {
    std::lock_guard lock(mutex_);
    std::vector<store::KeyRow> wanted;
    std::map<KeyHash, std::string> names;
    std::map<std::string_view, const store::KeyRow*> declared_before;
    for (const auto& [id, row] : rows_) {
        if (row.source == "config")
            declared_before[row.name] = &row;
        else
            names.emplace(hashes_of(row)[0], row.name);
    }
    for (const auto& key : keys) {
        if (key.value.empty()) return fail(FailureKind::invalid_request, fmt::format("the key \"{}\" of the configuration has an empty value", key.name));
        const auto hash = hasher_(key.value.reveal());
        const auto [other, is_new] = names.emplace(hash, key.name);
        if (!is_new) return fail(FailureKind::invalid_request, fmt::format("the keys \"{}\" and \"{}\" have the same value; every key needs its own", other->second, key.name));
        if (std::ranges::find(wanted, key.name, &store::KeyRow::name) != wanted.end())
            return fail(FailureKind::invalid_request, fmt::format("two keys of the configuration are called \"{}\"; every key needs its own name", key.name));
        const auto before = declared_before.find(key.name);
        auto row = row_for(key, hash, before == declared_before.end() ? nullptr : before->second);
        if (!row) return fail(std::move(row.error()));
        wanted.push_back(std::move(*row));
    }
    configured_.clear();
    for (auto& row : wanted) {
        configured_.insert(row.id);
        const auto known = rows_.find(row.id);
        const bool same = known != rows_.end() && known->second.hash == row.hash && known->second.models == row.models && known->second.team == row.team &&
                          known->second.expires_at == row.expires_at && known->second.version > 0;
        if (!same) {
            row.updated_at = clock_.wall();
            // A store that cannot be written costs the id its permanence, nothing else.
            static_cast<void>(key_store_.put_key(row));
        }
        rows_.insert_or_assign(row.id, std::move(row));
    }
    rebuild();
    return {};
}

Status Identity::save_last_used() {
    std::vector<store::KeyUse> uses;
    std::lock_guard lock(mutex_);
    snapshot()->for_each([&](const Snapshot::Entry& entry) {
        const auto at = entry.caller->last_used.load(std::memory_order_relaxed);
        const auto row = entry.previous ? rows_.end() : rows_.find(entry.caller->key_id);
        if (row != rows_.end() && at > row->second.last_used_at) uses.push_back({entry.caller->key_id, at});
    });
    if (uses.empty()) return {};
    if (auto stored = key_store_.touch_keys(uses); !stored) return stored;
    for (const auto& use : uses) rows_.find(use.id)->second.last_used_at = use.last_used_at;
    return {};
}

Result<IssuedToken> Identity::create_admin_token(std::string name, Micros expires_at) {
    if (auto good = check_text("name", name, false); !good) return fail(std::move(good.error()));
    IssuedToken issued;
    issued.value = make_token(admin_prefix);
    issued.row.name = std::move(name);
    issued.row.hash = bytes_of(hasher_(issued.value.reveal()));
    issued.row.hint = hint_of(issued.value.reveal());
    issued.row.created_at = clock_.wall();
    issued.row.expires_at = expires_at;
    {
        std::lock_guard lock(mutex_);
        issued.row.id = Id::make(issued.row.created_at, random_).text();
    }
    if (auto stored = token_store_.put_token(issued.row); !stored) return fail(std::move(stored.error()));
    std::lock_guard lock(tokens_mutex_);
    tokens_.push_back(issued.row);
    return issued;
}

Status Identity::revoke_admin_token(std::string_view id) {
    store::TokenRow row;
    {
        std::lock_guard lock(tokens_mutex_);
        const auto found = std::ranges::find(tokens_, id, &store::TokenRow::id);
        if (found == tokens_.end()) return fail(FailureKind::not_found, fmt::format("there is no administrator token with the id {}", utf8_prefix(id, 64)));
        if (found->revoked_at == 0) found->revoked_at = clock_.wall();
        row = *found;
    }
    return token_store_.put_token(row);
}

std::vector<store::TokenRow> Identity::list_admin_tokens() const {
    std::lock_guard lock(tokens_mutex_);
    auto rows = tokens_;
    if (!configured_token_.hash.empty()) rows.push_back(configured_token_);
    return rows;
}

Status Identity::set_configured_admin_token(Secret value) {
    if (!value.empty() && value.reveal().size() < shortest_admin_token)
        return fail(FailureKind::invalid_request, fmt::format("GOTTHARD_ADMIN_TOKEN has fewer than {} characters; use a longer one, for example from: openssl rand -hex 24",
                                                              shortest_admin_token));
    std::lock_guard lock(tokens_mutex_);
    configured_token_ = {};
    if (value.empty()) return {};
    configured_token_.id = "environment";
    configured_token_.name = "GOTTHARD_ADMIN_TOKEN";
    configured_token_.hash = bytes_of(hasher_(value.reveal()));
    configured_token_.hint = hint_of(value.reveal());
    return {};
}

Result<Administrator> Identity::authenticate_admin(std::string_view token) const {
    constexpr std::size_t longest_token = 4096;
    if (token.empty()) return fail(FailureKind::invalid_api_key, "an administrator token is needed: Authorization: Bearer TOKEN");
    if (token.size() > longest_token) return fail(FailureKind::invalid_api_key, "the administrator token is not known here");
    const std::string hash = bytes_of(hasher_(token));
    const Micros now = clock_.wall();
    std::lock_guard lock(tokens_mutex_);
    const store::TokenRow* found = nullptr;
    for (const auto& row : tokens_)
        if (equals_in_constant_time(row.hash, hash)) found = &row;
    if (!configured_token_.hash.empty() && equals_in_constant_time(configured_token_.hash, hash)) found = &configured_token_;
    if (found == nullptr) return fail(FailureKind::invalid_api_key, "the administrator token is not known here");
    if (found->revoked_at != 0) return fail(FailureKind::key_revoked, "the administrator token was revoked");
    if (found->expires_at != 0 && found->expires_at <= now) return fail(FailureKind::key_expired, "the administrator token has expired");
    return Administrator{found->id, found->name};
}

Result<FirstRun> Identity::first_run(const std::string& data_folder, FirstRunPolicy policy) {
    FirstRun made;
    {
        std::lock_guard lock(mutex_);
        std::lock_guard tokens_lock(tokens_mutex_);
        if (!tokens_.empty() || std::ranges::any_of(rows_, [](const auto& one) { return one.second.source == "store"; })) return made;
    }
    if (policy.make_admin_token) {
        auto token = create_admin_token("first administrator");
        if (!token) return fail(std::move(token.error()));
        made.admin_token = std::move(token->value);
    }
    if (policy.make_client_key) {
        auto key = create_key({.name = "first"});
        if (!key) return fail(std::move(key.error()));
        made.client_key = std::move(key->value);
    }
    if (made.admin_token.empty() && made.client_key.empty()) return made;
    if (const auto written = write_first_run_file(data_folder, made); !written) made.file_problem = written.error().message;
    return made;
}

}  // namespace gotthard::identity
