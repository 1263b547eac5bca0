// The store without a disk: for tests, and for a gateway that may keep nothing. Same answers as sqlite/, bounded number of records.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "store/ports.hpp"

namespace gotthard::store::memory {

class MemoryStore final : public KeyStore, public TokenStore, public ConfigHistory, public RecordStore, public RecordReader, public StoreHealth {
public:
    explicit MemoryStore(std::size_t most_requests = 100'000) : most_requests_(most_requests) {}

    Result<std::vector<KeyRow>> load_keys() override;
    Status put_key(KeyRow& row) override;
    Status touch_keys(std::span<const KeyUse> uses) override;

    Result<std::vector<TokenRow>> load_tokens() override;
    Status put_token(const TokenRow& row) override;

    Status add_config(const ConfigRow& row) override;
    Result<std::vector<ConfigRow>> list_configs(std::int64_t before, std::size_t limit) override;

    Status append_requests(std::span<const RequestRow> rows) override;
    Result<bool> prune_requests(Micros before) override;

    Result<RequestPage> list_requests(const RequestFilter& filter, std::string_view cursor, std::size_t limit) override;
    Result<RequestPage> get_request(const Id& id) override;
    Result<RequestPage> follow_requests(const RequestFilter& filter, std::int64_t after, std::size_t limit) override;
    Result<std::int64_t> newest_seq() override;
    Result<std::vector<UsageRow>> usage(const UsageQuery& query) override;

    bool writable() const override { return !broken_; }
    StoreState state() const override;
    void probe() override {}

    /// From now on every write fails as on a full disk (true), or works again.
    void break_writes(bool broken) { broken_ = broken; }

private:
    struct Stored {
        Arena text;
        RequestRow row;
    };
    Status refuse() const;
    std::size_t most_requests_;
    std::atomic<bool> broken_{false};
    mutable std::mutex mutex_;
    std::vector<KeyRow> keys_;
    std::vector<TokenRow> tokens_;
    std::vector<ConfigRow> configs_;
    std::deque<Stored> requests_;  // by seq
    std::int64_t next_seq_ = 1;
};

}  // namespace gotthard::store::memory
