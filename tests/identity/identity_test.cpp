// Keys and tokens: who is let in, who is not, and when that changes.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "base/id.hpp"
#include "base/text.hpp"
#include "identity/identity.hpp"
#include "store/memory/memory_store.hpp"

namespace gotthard::identity {
namespace {

constexpr Micros second = 1'000'000, day = 86'400 * second;

class Keys : public testing::Test {
protected:
    Keys() { restart(); }

    void restart() {
        authenticator_.reset();
        auto identity = Identity::open(store_, store_, {Secret("the server secret"), false}, clock_, random_);
        ASSERT_TRUE(identity) << identity.error().message;
        identity_ = std::move(*identity);
        authenticator_ = std::make_unique<Authenticator>(*identity_);
    }
    IssuedKey create(NewKey wanted) {
        auto key = identity_->create_key(std::move(wanted));
        EXPECT_TRUE(key) << (key ? "" : key.error().message);
        return std::move(*key);
    }
    Result<CallerRef> ask(std::string_view token) { return authenticator_->authenticate(token, clock_.wall()); }
    std::string verdict(std::string_view token) {
        const auto caller = ask(token);
        return caller ? "ok" : std::string(to_string(caller.error().kind));
    }

    store::memory::MemoryStore store_;
    ManualClock clock_;
    SystemRandom random_{1};
    std::unique_ptr<Identity> identity_;
    std::unique_ptr<Authenticator> authenticator_;
};

TEST_F(Keys, LookAsTheContractSays) {
    const auto key = create({.name = "ci"});
    const auto value = key.value.reveal();
    ASSERT_EQ(value.size(), 6u + 32 + 6);
    EXPECT_TRUE(value.starts_with("sk-gw-"));
    for (const char c : value.substr(6)) EXPECT_TRUE(is_digit(c) || is_alpha(c));
    EXPECT_TRUE(has_valid_checksum(value));
    EXPECT_TRUE(Id::parse(key.row.id));
    EXPECT_EQ(key.row.id[14], '7') << "UUIDv7";
}

TEST_F(Keys, CarryTheCrc32OfTheirRandomPartInBase62) {
    const std::string part(32, 'a');
    std::string digits(6, '0');
    constexpr std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    auto rest = crc32(part);
    for (std::size_t i = 6; i-- > 0; rest /= 62) digits[i] = alphabet[rest % 62];
    EXPECT_TRUE(has_valid_checksum("sk-gw-" + part + digits));
    EXPECT_FALSE(has_valid_checksum("sk-gw-" + part + "000000"));
    EXPECT_FALSE(has_valid_checksum("sk-gw-" + part));
    EXPECT_FALSE(has_valid_checksum(part + digits));
}

TEST_F(Keys, DoNotRepeat) {
    std::set<std::string> seen;
    for (int i = 0; i < 2000; ++i) EXPECT_TRUE(seen.emplace(make_token(key_prefix).reveal()).second);
}

TEST_F(Keys, LetTheirHolderIn) {
    const auto key = create({.name = "ci", .team = "platform", .models = {"lab/*", "fast"}});
    const auto caller = ask(key.value.reveal());
    ASSERT_TRUE(caller);
    EXPECT_EQ((*caller)->key_id, key.row.id);
    EXPECT_EQ((*caller)->name, "ci");
    EXPECT_EQ((*caller)->team, "platform");
    EXPECT_TRUE((*caller)->may_use("lab/org/model"));
    EXPECT_TRUE((*caller)->may_use("fast"));
    EXPECT_FALSE((*caller)->may_use("openai/gpt-5.4"));
    const std::string_view names[] = {"smart", "lab/x"};
    EXPECT_TRUE((*caller)->may_use(names)) << "any name of the target";
}

TEST_F(Keys, WithoutModelsMayUseEverything) {
    EXPECT_TRUE((*ask(create({.name = "ci"}).value.reveal()))->may_use("anything/at:all"));
}

TEST_F(Keys, OfAnyWrongFormAndLengthAreRefusedAlike) {
    const auto key = create({.name = "ci"});
    const std::string value(key.value.reveal());
    std::string typo = value;
    typo[10] = typo[10] == 'a' ? 'b' : 'a';
    for (const auto& token : {std::string(), std::string("x"), typo, value + "x", value.substr(0, 43), std::string(4096, 'k'), std::string(1'000'000, 'k'),
                              std::string("\0\xff\xfe", 3), value.substr(0, 20) + std::string(24, 'A'), std::string("' OR 1=1 --")})
        EXPECT_EQ(verdict(token), "invalid_api_key") << token.size();
    EXPECT_NE(ask(typo).error().message.find("checksum"), std::string::npos);
    EXPECT_NE(ask("").error().message.find("Authorization"), std::string::npos);
}

TEST_F(Keys, AreToldApartByAllTheirCharacters) {  // S05
    std::vector<IssuedKey> keys;
    for (int i = 0; i < 50; ++i) keys.push_back(create({.name = fmt::format("key {}", i)}));
    for (const auto& key : keys) EXPECT_EQ((*ask(key.value.reveal()))->key_id, key.row.id);
    // Two values that share all but the last character are two keys.
    ASSERT_TRUE(identity_->set_configured_keys([] {
        std::vector<ConfiguredKey> all;
        all.push_back({.name = "a", .value = Secret(std::string(60, 'x') + "1")});
        all.push_back({.name = "b", .value = Secret(std::string(60, 'x') + "2")});
        return all;
    }()));
    EXPECT_EQ((*ask(std::string(60, 'x') + "1"))->name, "a");
    EXPECT_EQ((*ask(std::string(60, 'x') + "2"))->name, "b");
    EXPECT_EQ(verdict(std::string(60, 'x')), "invalid_api_key");
}

TEST_F(Keys, AreStoredOnlyAsKeyedHashesThatAreNoKeysThemselves) {  // S07
    const auto key = create({.name = "ci"});
    const auto row = store_.load_keys()->front();
    unsigned char digest[32];
    unsigned size = 0;
    const std::string_view secret = "the server secret", value = key.value.reveal();
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(value.data()), value.size(), digest, &size);
    EXPECT_EQ(row.hash, std::string(reinterpret_cast<char*>(digest), size));
    EXPECT_EQ(verdict(row.hash), "invalid_api_key");
    EXPECT_EQ(verdict(hex(row.hash)), "invalid_api_key");
    EXPECT_EQ(row.hint, std::string(value.substr(0, 10)) + "..." + std::string(value.substr(40)));
}

TEST_F(Keys, OfLongSecretsAndTokensHashAsHmacDoes) {
    for (const std::size_t length : {1u, 63u, 64u, 65u, 200u}) {
        const std::string secret(length, 's'), token(length * 3, 't');
        unsigned char digest[32];
        unsigned size = 0;
        HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest, &size);
        const auto hash = KeyHasher(secret)(token);
        EXPECT_TRUE(std::ranges::equal(hash, digest)) << length;
    }
}

TEST_F(Keys, SurviveARestart) {
    const auto key = create({.name = "ci"});
    restart();
    EXPECT_EQ(verdict(key.value.reveal()), "ok");
}

TEST_F(Keys, ExpireAtTheirInstant) {
    const auto key = create({.name = "ci", .expires_at = clock_.wall() + day});
    clock_.set_wall(key.row.expires_at - 1);
    EXPECT_EQ(verdict(key.value.reveal()), "ok");
    clock_.set_wall(key.row.expires_at);
    EXPECT_EQ(verdict(key.value.reveal()), "key_expired");
    EXPECT_EQ(identity_->key_count(), 0u);
}

TEST_F(Keys, ThatAreRevokedStopAtOnceOnEveryShard) {
    const auto key = create({.name = "ci"});
    Authenticator other(*identity_);
    const auto before = ask(key.value.reveal());
    ASSERT_TRUE(other.authenticate(key.value.reveal(), clock_.wall()));
    ASSERT_TRUE(identity_->revoke_key(key.row.id));
    EXPECT_EQ(verdict(key.value.reveal()), "key_revoked");
    EXPECT_EQ(other.authenticate(key.value.reveal(), clock_.wall()).error().kind, FailureKind::key_revoked);
    EXPECT_EQ((*before)->name, "ci") << "a request under way keeps its caller";
    EXPECT_TRUE(identity_->revoke_key(key.row.id)) << "twice is fine";
    restart();
    EXPECT_EQ(verdict(key.value.reveal()), "key_revoked");
}

TEST_F(Keys, ThatCannotBeStoredAsRevokedAreRefusedAllTheSame) {
    const auto key = create({.name = "ci"});
    store_.break_writes(true);
    const auto revoked = identity_->revoke_key(key.row.id);
    ASSERT_FALSE(revoked);
    EXPECT_NE(revoked.error().message.find("restart"), std::string::npos);
    EXPECT_EQ(verdict(key.value.reveal()), "key_revoked");
    store_.break_writes(false);
    EXPECT_TRUE(identity_->create_key({.name = "other"}));
}

TEST_F(Keys, RotateToANewValueAndTheOldOneStopsAtOnce) {
    const auto key = create({.name = "ci", .models = {"lab/*"}});
    const auto rotated = identity_->rotate_key(key.row.id);
    ASSERT_TRUE(rotated);
    EXPECT_EQ(rotated->row.id, key.row.id);
    EXPECT_EQ(verdict(rotated->value.reveal()), "ok");
    EXPECT_EQ(verdict(key.value.reveal()), "key_revoked");
    EXPECT_FALSE((*ask(rotated->value.reveal()))->may_use("openai/x")) << "rights stay";
    restart();
    EXPECT_EQ(verdict(rotated->value.reveal()), "ok");
    EXPECT_EQ(verdict(key.value.reveal()), "key_revoked");
}

TEST_F(Keys, RotateWithGraceWorkInBothValuesUntilItEnds) {
    const auto key = create({.name = "ci"});
    const auto rotated = identity_->rotate_key(key.row.id, day);
    EXPECT_EQ(verdict(key.value.reveal()), "ok");
    clock_.set_wall(clock_.wall() + day);
    EXPECT_EQ(verdict(key.value.reveal()), "key_revoked");
    EXPECT_EQ(verdict(rotated->value.reveal()), "ok");
    ASSERT_TRUE(identity_->revoke_key(key.row.id));
    EXPECT_FALSE(identity_->rotate_key(key.row.id)) << "a revoked key has no new value";
}

TEST_F(Keys, ChangeWithTheirNextUse) {
    const auto key = create({.name = "ci", .models = {"lab/*"}});
    ASSERT_TRUE(ask(key.value.reveal()));
    const auto changed = identity_->update_key(key.row.id, {.models = std::vector<std::string>{"openai/*"}, .version = key.row.version});
    ASSERT_TRUE(changed);
    EXPECT_TRUE((*ask(key.value.reveal()))->may_use("openai/x"));
    const auto late = identity_->update_key(key.row.id, {.name = "other", .version = key.row.version});
    ASSERT_FALSE(late) << "If-Match of an older version";
    EXPECT_EQ(late.error().kind, FailureKind::invalid_request);
}

TEST_F(Keys, RefuseNamesAndPatternsThatCannotBeMeant) {
    EXPECT_FALSE(identity_->create_key({.name = ""}));
    EXPECT_FALSE(identity_->create_key({.name = std::string(129, 'n')}));
    EXPECT_FALSE(identity_->create_key({.name = "a\nb"}));
    EXPECT_FALSE(identity_->create_key({.name = "\xff"}));
    EXPECT_FALSE(identity_->create_key({.name = "a", .models = {""}}));
    EXPECT_FALSE(identity_->create_key({.name = "a", .models = std::vector<std::string>(300, "x")}));
    EXPECT_FALSE(identity_->create_key({.name = "a", .expires_at = 1}));
    EXPECT_FALSE(identity_->create_key({.name = "a", .metadata = "[]"}));
    EXPECT_EQ(identity_->update_key("nobody", {}).error().kind, FailureKind::not_found);
}

TEST_F(Keys, AreListedInPagesNewestFirst) {
    std::set<std::string> all;
    for (int i = 0; i < 7; ++i) {
        clock_.advance(1'000'000'000);
        all.insert(create({.name = fmt::format("key {}", i)}).row.id);
    }
    std::set<std::string> seen;
    std::string cursor;
    for (;;) {
        const auto page = identity_->list_keys(cursor, 3);
        if (page.empty()) break;
        if (cursor.empty()) EXPECT_EQ(page.front().name, "key 6");
        for (const auto& row : page) EXPECT_TRUE(seen.insert(row.id).second);
        cursor = page.back().id;
    }
    EXPECT_EQ(seen, all);
}

TEST_F(Keys, RememberWhenTheyWereLastUsed) {
    const auto key = create({.name = "ci"});
    clock_.advance(60'000'000'000);
    ASSERT_TRUE(ask(key.value.reveal()));
    EXPECT_EQ(identity_->get_key(key.row.id)->last_used_at, clock_.wall());
    ASSERT_TRUE(identity_->save_last_used());
    EXPECT_EQ(store_.load_keys()->front().last_used_at, clock_.wall());
    EXPECT_EQ(store_.load_keys()->front().version, 1);
}

std::vector<ConfiguredKey> declared(std::initializer_list<std::pair<const char*, const char*>> keys) {
    std::vector<ConfiguredKey> all;
    for (const auto& [name, value] : keys) all.push_back({.name = name, .value = Secret(value)});
    return all;
}

TEST_F(Keys, OfTheConfigurationStandBesideThoseOfTheStore) {
    const auto stored = create({.name = "stored"});
    ASSERT_TRUE(identity_->set_configured_keys(declared({{"ci", "any value at all"}})));
    EXPECT_EQ((*ask("any value at all"))->source, "config");
    EXPECT_EQ(verdict(stored.value.reveal()), "ok");
    const std::string id = (*ask("any value at all"))->key_id;
    EXPECT_TRUE(Id::parse(id));
    ASSERT_TRUE(identity_->set_configured_keys(declared({{"ci", "another value"}})));
    EXPECT_EQ((*ask("another value"))->key_id, id) << "the id stays with the name";
    EXPECT_EQ(verdict("any value at all"), "invalid_api_key");
    restart();
    EXPECT_EQ(verdict("another value"), "invalid_api_key") << "only the configuration makes it valid";
    ASSERT_TRUE(identity_->set_configured_keys(declared({{"ci", "another value"}})));
    EXPECT_EQ((*ask("another value"))->key_id, id) << "also across restarts";
    const auto refused = identity_->revoke_key(id);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("configuration"), std::string::npos);
    ASSERT_TRUE(identity_->set_configured_keys({}));
    EXPECT_EQ(verdict("another value"), "invalid_api_key");
    EXPECT_EQ(identity_->list_keys("", 10).size(), 1u);
}

TEST_F(Keys, OfTheConfigurationThatCollideChangeNothing) {
    const auto stored = create({.name = "stored"});
    ASSERT_TRUE(identity_->set_configured_keys(declared({{"ci", "the old value"}})));
    for (auto wrong : {declared({{"a", "same value"}, {"b", "same value"}}), declared({{"a", "one value"}, {"a", "two values"}}), declared({{"a", ""}})}) {
        EXPECT_FALSE(identity_->set_configured_keys(std::move(wrong)));
        EXPECT_EQ(verdict("the old value"), "ok");
    }
    std::vector<ConfiguredKey> taken;
    taken.push_back({.name = "thief", .value = stored.value});
    const auto refused = identity_->set_configured_keys(std::move(taken));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("stored"), std::string::npos);
}

TEST_F(Keys, OfTheConfigurationWorkWhenTheStoreIsFull) {
    store_.break_writes(true);
    ASSERT_TRUE(identity_->set_configured_keys(declared({{"ci", "any value at all"}})));
    EXPECT_EQ(verdict("any value at all"), "ok");
}

TEST_F(Keys, ChangeWhileShardsAuthenticate) {
    const auto steady = create({.name = "steady"});
    std::atomic<bool> done{false};
    std::vector<std::thread> shards;
    for (int i = 0; i < 3; ++i)
        shards.emplace_back([&] {
            Authenticator mine(*identity_);
            while (!done) {
                const auto caller = mine.authenticate(steady.value.reveal(), 1'700'000'000'000'000);
                ASSERT_TRUE(caller);
                ASSERT_EQ((*caller)->name, "steady");
            }
        });
    for (int i = 0; i < 300; ++i) {
        const auto key = create({.name = "short"});
        EXPECT_EQ(verdict(key.value.reveal()), "ok");
        ASSERT_TRUE(identity_->revoke_key(key.row.id));
        EXPECT_EQ(verdict(key.value.reveal()), "key_revoked");
        if (i % 10 == 0) ASSERT_TRUE(identity_->save_last_used());
    }
    done = true;
    for (auto& shard : shards) shard.join();
}

TEST(KeyPlaces, AreThoseThatClientsUse) {  // G-1
    EXPECT_EQ(find_key({.authorization = "Bearer sk-gw-1"}), "sk-gw-1");
    EXPECT_EQ(find_key({.authorization = "bearer   sk-gw-1 "}), "sk-gw-1");
    EXPECT_EQ(find_key({.x_api_key = "sk-gw-2"}), "sk-gw-2");
    EXPECT_EQ(find_key({.x_goog_api_key = "sk-gw-3"}), "sk-gw-3");
    EXPECT_EQ(find_key({.api_key = "sk-gw-4"}), "sk-gw-4");
    EXPECT_EQ(find_key({.query_key = "sk-gw-5"}), "sk-gw-5");
    EXPECT_EQ(find_key({.authorization = "Bearer something-else", .x_api_key = "sk-gw-2"}), "sk-gw-2") << "the gateway's own key is preferred";
    EXPECT_EQ(find_key({.authorization = "Basic dXNlcg=="}), "");
    EXPECT_EQ(find_key({}), "");
}

TEST(Anonymous, MayUseEverything) {
    EXPECT_TRUE(anonymous_caller()->may_use("any/thing"));
    EXPECT_EQ(anonymous_caller()->source, "off");
}

class Administrators : public Keys {};

TEST_F(Administrators, AreKnownByTheirTokenUntilItIsRevokedOrExpires) {
    const auto token = identity_->create_admin_token("alice", clock_.wall() + day);
    ASSERT_TRUE(token);
    EXPECT_EQ(identity_->authenticate_admin(token->value.reveal())->name, "alice");
    EXPECT_FALSE(identity_->authenticate_admin(token->row.hash)) << "S07";
    EXPECT_FALSE(identity_->authenticate_admin(""));
    EXPECT_FALSE(identity_->authenticate_admin(std::string(100'000, 'x')));
    restart();
    EXPECT_TRUE(identity_->authenticate_admin(token->value.reveal()));
    clock_.set_wall(clock_.wall() + day);
    EXPECT_EQ(identity_->authenticate_admin(token->value.reveal()).error().kind, FailureKind::key_expired);
    ASSERT_TRUE(identity_->revoke_admin_token(token->row.id));
    EXPECT_EQ(identity_->authenticate_admin(token->value.reveal()).error().kind, FailureKind::key_revoked);
}

TEST_F(Administrators, AreNotCallersAndCallersAreNotAdministrators) {
    const auto token = identity_->create_admin_token("alice");
    const auto key = create({.name = "ci"});
    EXPECT_EQ(verdict(token->value.reveal()), "invalid_api_key");
    EXPECT_FALSE(identity_->authenticate_admin(key.value.reveal()));
}

TEST_F(Administrators, MayComeFromTheEnvironment) {
    EXPECT_FALSE(identity_->set_configured_admin_token(Secret("short")));
    ASSERT_TRUE(identity_->set_configured_admin_token(Secret("a-long-enough-token")));
    EXPECT_EQ(identity_->authenticate_admin("a-long-enough-token")->id, "environment");
    ASSERT_TRUE(identity_->set_configured_admin_token(Secret()));
    EXPECT_FALSE(identity_->authenticate_admin("a-long-enough-token"));
}

class FirstStart : public Keys {
protected:
    FirstStart() {
        char name[] = "/tmp/gotthard-identity-XXXXXX";
        folder_ = ::mkdtemp(name);
    }
    ~FirstStart() override { std::filesystem::remove_all(folder_); }
    static std::string text_of(const std::string& path) {
        std::ifstream file(path);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    static unsigned mode_of(const std::string& path) {
        struct stat info {};
        return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
    }
    std::string folder_;
};

TEST_F(FirstStart, MakesOneTokenAndOneKeyOnceAndWritesThemDown) {  // S17
    const auto made = identity_->first_run(folder_, {});
    ASSERT_TRUE(made);
    EXPECT_TRUE(identity_->authenticate_admin(made->admin_token.reveal()));
    EXPECT_EQ(verdict(made->client_key.reveal()), "ok");
    const auto text = text_of(folder_ + "/first-run.txt");
    EXPECT_NE(text.find(made->admin_token.reveal()), std::string::npos);
    EXPECT_NE(text.find(made->client_key.reveal()), std::string::npos);
    EXPECT_EQ(mode_of(folder_ + "/first-run.txt"), 0600u);
    EXPECT_TRUE(identity_->first_run(folder_, {})->client_key.empty()) << "only once";
    restart();
    EXPECT_TRUE(identity_->first_run(folder_, {})->admin_token.empty());
}

TEST_F(FirstStart, WithoutAnybodyToReadItMakesNothing) {
    const auto made = identity_->first_run(folder_, {.make_admin_token = false, .make_client_key = false});
    ASSERT_TRUE(made);
    EXPECT_TRUE(made->admin_token.empty());
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/first-run.txt"));
    EXPECT_EQ(identity_->key_count(), 0u) << "never a default secret";
}

TEST_F(FirstStart, MakesTheServerSecretOnceAndKeepsItPrivate) {
    const auto first = load_server_secret(folder_);
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_TRUE(first->fresh);
    EXPECT_EQ(first->value.reveal().size(), 64u);
    EXPECT_EQ(mode_of(folder_ + "/server.key"), 0600u);
    const auto second_time = load_server_secret(folder_);
    ASSERT_TRUE(second_time);
    EXPECT_FALSE(second_time->fresh);
    EXPECT_EQ(second_time->value.reveal(), first->value.reveal());
}

TEST_F(FirstStart, RefusesAServerSecretThatIsOpenOrDamaged) {
    ASSERT_TRUE(load_server_secret(folder_));
    ::chmod((folder_ + "/server.key").c_str(), 0644);
    const auto open = load_server_secret(folder_);
    ASSERT_FALSE(open);
    EXPECT_NE(open.error().message.find("chmod 600"), std::string::npos);
    ::chmod((folder_ + "/server.key").c_str(), 0600);
    std::ofstream(folder_ + "/server.key") << "short";
    const auto damaged = load_server_secret(folder_);
    ASSERT_FALSE(damaged);
    EXPECT_NE(damaged.error().message.find("backup"), std::string::npos);
}

TEST_F(FirstStart, SaysSoWhenTheServerSecretOfStoredKeysIsLost) {
    create({.name = "ci"});
    const auto opened = Identity::open(store_, store_, {Secret("a new secret"), true}, clock_, random_);
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message.find("server.key"), std::string::npos);
}

}  // namespace
}  // namespace gotthard::identity
