// What a translation could not carry. Nothing is dropped without an entry here: the count goes to a response header, the list
// to the record, and strict mode turns the first one into a 400.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gotthard::llm {

/// contract.md section 5: *tuning* may be dropped with report; *contract* changes what the caller gets and is refused by default.
enum class Severity : std::uint8_t { tuning, contract };

struct Loss {
    std::string path;    ///< In the client's own dialect: "messages[3].content[0].cache_control".
    std::string reason;  ///< "the upstream dialect has no place for it".
    Severity severity = Severity::tuning;
};

class Losses {
public:
    void add(std::string path, std::string reason, Severity severity = Severity::tuning) {
        list_.push_back({std::move(path), std::move(reason), severity});
    }
    const std::vector<Loss>& list() const { return list_; }
    std::size_t size() const { return list_.size(); }
    bool empty() const { return list_.empty(); }
    /// The first entry of severity contract, or null.
    const Loss* first_contract() const {
        for (const auto& loss : list_)
            if (loss.severity == Severity::contract) return &loss;
        return nullptr;
    }

private:
    std::vector<Loss> list_;
};

}  // namespace gotthard::llm
