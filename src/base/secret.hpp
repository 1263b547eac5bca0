// A string that cannot be printed: no operator<<, no formatter, no conversion. Its memory is wiped.
//
// reveal() is the only way in, and is called where the secret leaves for the one place it is meant for
// (an upstream header, a hash function). Grep for it to audit.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace gotthard {

class Secret {
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    Secret(const Secret&) = default;
    Secret(Secret&&) noexcept = default;
    Secret& operator=(const Secret&) = default;
    Secret& operator=(Secret&&) noexcept = default;
    ~Secret() {
        if (!value_.empty()) explicit_bzero(value_.data(), value_.size());
    }

    std::string_view reveal() const { return value_; }
    bool empty() const { return value_.empty(); }

private:
    std::string value_;
};

}  // namespace gotthard
