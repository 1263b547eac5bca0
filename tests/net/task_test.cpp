#include "net/task.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "loopback.hpp"

namespace gotthard::net {
namespace {

Task<std::string> greet(std::string name) { co_return "hello " + name; }

Task<int> down_to_zero(int depth) {
    if (depth == 0) co_return 0;
    co_return 1 + co_await down_to_zero(depth - 1);
}

Task<> throws() {
    throw std::runtime_error("a bug");
    co_return;
}

Task<> note(std::vector<std::string>& notes, std::string text) {
    notes.push_back(std::move(text));
    co_return;
}

TEST(Task, GivesItsResultByValue) {
    std::string result;
    spawn([](std::string& out) -> Task<> { out = co_await greet("there"); }(result));
    EXPECT_EQ(result, "hello there");
}

TEST(Task, DoesNotRunBeforeItIsAwaited) {
    std::vector<std::string> notes;
    { auto never = note(notes, "never"); }
    spawn([](std::vector<std::string>& out) -> Task<> {
        auto later = note(out, "later");
        out.push_back("first");
        co_await later;
    }(notes));
    EXPECT_EQ(notes, (std::vector<std::string>{"first", "later"}));
}

TEST(Task, ResumesItsAwaiterWithoutGrowingTheStack) {
    int sum = 0;
    spawn([](int& out) -> Task<> {
        for (int i = 0; i < 200'000; ++i) out += co_await down_to_zero(1);
    }(sum));
    EXPECT_EQ(sum, 200'000);
}

TEST(Task, RethrowsToItsAwaiter) {
    std::string seen;
    spawn([](std::string& out) -> Task<> {
        try {
            co_await throws();
        } catch (const std::runtime_error& error) { out = error.what(); }
    }(seen));
    EXPECT_EQ(seen, "a bug");
}

TEST(Task, FreesWhatASpawnedOneOwns) {
    auto owned = std::make_shared<int>(1);
    const std::weak_ptr<int> watch = owned;
    spawn([](std::shared_ptr<int>) -> Task<> { co_return; }(std::move(owned)));
    EXPECT_TRUE(watch.expired());
}

TEST(Blocks, AreServedBySizeClass) {
    EXPECT_EQ(block_size(1), 64U);
    EXPECT_EQ(block_size(2048), 2048U);
    EXPECT_EQ(block_size(2049), 4096U);
    EXPECT_EQ(block_size(65536), 65536U);
    EXPECT_EQ(block_size(65537), 69632U);
    for (const std::size_t size : {1U, 100U, 5000U, 200'000U}) {
        void* block = take_block(size);
        std::memset(block, 1, block_size(size));
        give_block(block, size);
    }
}

}  // namespace
}  // namespace gotthard::net
