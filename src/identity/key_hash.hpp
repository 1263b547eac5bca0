// HMAC-SHA-256 under the server secret, with both padded key blocks hashed ahead: two compressions for a key of usual length.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace gotthard::identity {

using KeyHash = std::array<std::uint8_t, 32>;

class KeyHasher {
public:
    explicit KeyHasher(std::string_view secret);
    KeyHash operator()(std::string_view token) const;

private:
    struct alignas(16) State {
        unsigned char bytes[112];  // an OpenSSL SHA256_CTX
    };
    State inner_;
    State outer_;
};

}  // namespace gotthard::identity
