#include "net/dns.hpp"

#include <gtest/gtest.h>

#include "net/name_server_double.hpp"
#include "net/upstream_double.hpp"

namespace gotthard::net {
namespace {

constexpr Nanos second = 1'000'000'000;

class DnsTest : public ::testing::Test {
protected:
    ResolverOptions options() {
        ResolverOptions made;
        made.servers = server.address();
        return made;
    }
    using Found = Result<std::vector<SocketAddress>>;

    Found resolve(const std::string& host, std::uint16_t port = 443) {
        Cancellation cancellation;
        return run(loop, resolver.resolve(host, port, 0, cancellation));
    }

    static std::vector<std::string> text_of(const Found& found) {
        std::vector<std::string> out;
        for (const auto& address : found.value()) out.push_back(address.to_string());
        std::ranges::sort(out);
        return out;
    }

    ManualClock clock;
    Loop loop{clock};
    NameServerDouble server{loop};
    Resolver resolver{loop, options()};
};

TEST_F(DnsTest, LiteralsAndLocalhostAskNobody) {
    EXPECT_EQ(text_of(resolve("192.0.2.1", 80)), std::vector<std::string>{"192.0.2.1:80"});
    EXPECT_EQ(text_of(resolve("2001:db8::1", 80)), std::vector<std::string>{"[2001:db8::1]:80"});
    EXPECT_EQ(text_of(resolve("localhost", 11434)), (std::vector<std::string>{"127.0.0.1:11434", "[::1]:11434"}));
    EXPECT_EQ(text_of(resolve("a.localhost", 1)), (std::vector<std::string>{"127.0.0.1:1", "[::1]:1"}));
    EXPECT_EQ(server.questions, 0);
}

TEST_F(DnsTest, BothFamiliesAreAsked) {
    server.records["api.example.test"] = {{"192.0.2.1", "192.0.2.2"}, {"2001:db8::1"}};
    EXPECT_EQ(text_of(resolve("api.example.test")),
              (std::vector<std::string>{"192.0.2.1:443", "192.0.2.2:443", "[2001:db8::1]:443"}));
    EXPECT_EQ(server.questions, 2);
}

TEST_F(DnsTest, OneFamilyIsEnough) {
    server.records["four.example.test"] = {{"192.0.2.1"}, {}};
    server.records["six.example.test"] = {{}, {"2001:db8::6"}};
    EXPECT_EQ(text_of(resolve("four.example.test")), std::vector<std::string>{"192.0.2.1:443"});
    EXPECT_EQ(text_of(resolve("six.example.test")), std::vector<std::string>{"[2001:db8::6]:443"});
}

TEST_F(DnsTest, AnswersAreKeptForTheirTtl) {
    server.records["api.example.test"] = {{"192.0.2.1"}, {}, 30};
    resolve("api.example.test");
    clock.advance(29 * second);
    loop.poll();
    EXPECT_EQ(text_of(resolve("api.example.test", 80)), std::vector<std::string>{"192.0.2.1:80"});
    EXPECT_EQ(resolver.queries(), 1u);
    server.records["api.example.test"].v4 = {"192.0.2.9"};
    clock.advance(2 * second);
    loop.poll();
    EXPECT_EQ(text_of(resolve("api.example.test")), std::vector<std::string>{"192.0.2.9:443"});
    EXPECT_EQ(resolver.queries(), 2u);
}

TEST_F(DnsTest, ANameThatDoesNotExistIsUnavailableAndRememberedForAMoment) {
    const auto found = resolve("missing.example.test");
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().kind, FailureKind::upstream_unavailable);
    EXPECT_EQ(found.error().message.find("missing"), std::string::npos);
    EXPECT_NE(found.error().detail.find("missing.example.test"), std::string::npos);
    const int asked = server.questions;
    EXPECT_FALSE(resolve("missing.example.test").has_value());
    EXPECT_EQ(server.questions, asked);
    server.records["missing.example.test"] = {{"192.0.2.5"}, {}};
    clock.advance(2 * second);
    loop.poll();
    EXPECT_TRUE(resolve("missing.example.test").has_value());
}

TEST_F(DnsTest, EqualQuestionsShareOneQuery) {
    server.records["api.example.test"] = {{"192.0.2.1"}, {}};
    Cancellation cancellation;
    std::vector<std::shared_ptr<std::optional<Found>>> answers;
    for (int i = 0; i < 10; ++i) answers.push_back(start(resolver.resolve("api.example.test", 443, 0, cancellation)));
    ASSERT_TRUE(loop.run_until([&] { return std::ranges::all_of(answers, [](const auto& each) { return each->has_value(); }); }));
    for (const auto& answer : answers) EXPECT_EQ((*answer)->value().size(), 1u);
    EXPECT_EQ(server.questions, 2);
}

TEST_F(DnsTest, ASilentServerEndsAtTheDeadlineOrWithCancellation) {
    server.records["slow.example.test"] = {{"192.0.2.1"}, {}, 60, true};
    Cancellation first;
    Cancellation second_one;
    auto late = start(resolver.resolve("slow.example.test", 443, loop.now() + second, first));
    auto cancelled = start(resolver.resolve("slow.example.test", 443, 0, second_one));
    ASSERT_TRUE(loop.run_until([&] { return server.questions >= 2; }));
    EXPECT_FALSE(late->has_value());
    clock.advance(2 * second);
    loop.poll();
    loop.poll();
    ASSERT_TRUE(late->has_value());
    EXPECT_EQ((*late)->error().kind, FailureKind::upstream_timeout);
    EXPECT_FALSE(cancelled->has_value());
    second_one.cancel();
    loop.poll();
    loop.poll();
    ASSERT_TRUE(cancelled->has_value());
    EXPECT_EQ((*cancelled)->error().kind, FailureKind::cancelled);
}

TEST_F(DnsTest, TheCacheIsBounded) {
    ResolverOptions small = options();
    small.cache_size = 4;
    Resolver bounded(loop, small);
    Cancellation cancellation;
    for (int i = 0; i < 20; ++i) {
        const auto name = "n" + std::to_string(i) + ".example.test";
        server.records[name] = {{"192.0.2.1"}, {}};
        EXPECT_TRUE(run(loop, bounded.resolve(name, 1, 0, cancellation)).has_value());
    }
}

}  // namespace
}  // namespace gotthard::net
