#include "base/text.hpp"
#include "identity/snapshot.hpp"

namespace gotthard::identity {
namespace {

constexpr std::size_t longest_token = 4096;
constexpr Micros last_used_grain = 1'000'000;

std::unexpected<Failure> unknown_key(std::string_view token) {
    if (token.empty())
        return fail(FailureKind::invalid_api_key, "no API key was sent; put your gateway key into the header Authorization: Bearer KEY (or x-api-key)");
    if (token.starts_with(key_prefix) && !has_valid_checksum(token))
        return fail(FailureKind::invalid_api_key, "the API key is mistyped or cut: its checksum does not fit; copy it again");
    return fail(FailureKind::invalid_api_key, "the API key is not known to this gateway; ask its administrator for a key that begins with sk-gw-");
}

}  // namespace

Authenticator::Authenticator(const Identity& identity) : identity_(identity), hasher_(identity.hasher_) { refresh(); }

Authenticator::~Authenticator() = default;

void Authenticator::refresh() {
    // The version is read first: a change in between costs one more refresh, never a missed one.
    seen_ = identity_.version_.load(std::memory_order_acquire);
    auto holder = std::make_shared<std::shared_ptr<const Snapshot>>(identity_.snapshot());
    const Snapshot* table = holder->get();
    snapshot_ = std::shared_ptr<const Snapshot>(std::move(holder), table);
}

Result<CallerRef> Authenticator::authenticate(std::string_view token, Micros wall) {
    if (identity_.version_.load(std::memory_order_acquire) != seen_) refresh();
    if (token.empty() || token.size() > longest_token) return unknown_key(token);
    const auto* entry = snapshot_->find(hasher_(token));
    if (entry == nullptr) return unknown_key(token);
    const Caller& caller = *entry->caller;
    if (caller.revoked_at != 0) return fail(FailureKind::key_revoked, fmt::format("the API key \"{}\" was revoked; ask the gateway's administrator for a new one", caller.name));
    if (entry->previous && wall >= entry->until)
        return fail(FailureKind::key_revoked, fmt::format("this value of the API key \"{}\" was replaced by a rotation; use the new one", caller.name));
    if (caller.expires_at != 0 && wall >= caller.expires_at)
        return fail(FailureKind::key_expired, fmt::format("the API key \"{}\" expired at {}; ask the gateway's administrator for a new one", caller.name, rfc3339(caller.expires_at)));
    if (wall - caller.last_used.load(std::memory_order_relaxed) >= last_used_grain) caller.last_used.store(wall, std::memory_order_relaxed);
    return CallerRef(snapshot_, &caller);
}

}  // namespace gotthard::identity
