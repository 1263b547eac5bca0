// The low-level SHA-256 of OpenSSL: a prepared state is copied and continued, which the EVP interface cannot do without allocating.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "identity/key_hash.hpp"

#include <openssl/sha.h>

#include <cstring>

namespace gotthard::identity {
namespace {

constexpr std::size_t block_size = 64;

void absorb_padded(SHA256_CTX& state, std::string_view key, unsigned char pad) {
    unsigned char block[block_size];
    std::memset(block, pad, sizeof block);
    for (std::size_t i = 0; i < key.size(); ++i) block[i] = static_cast<unsigned char>(static_cast<unsigned char>(key[i]) ^ pad);
    SHA256_Init(&state);
    SHA256_Update(&state, block, sizeof block);
    explicit_bzero(block, sizeof block);
}

}  // namespace

KeyHasher::KeyHasher(std::string_view secret) {
    static_assert(sizeof(SHA256_CTX) <= sizeof(State));
    unsigned char shortened[SHA256_DIGEST_LENGTH];
    if (secret.size() > block_size) {
        SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), shortened);
        secret = {reinterpret_cast<const char*>(shortened), sizeof shortened};
    }
    SHA256_CTX state;
    absorb_padded(state, secret, 0x36);
    std::memcpy(inner_.bytes, &state, sizeof state);
    absorb_padded(state, secret, 0x5c);
    std::memcpy(outer_.bytes, &state, sizeof state);
}

KeyHash KeyHasher::operator()(std::string_view token) const {
    KeyHash digest;
    SHA256_CTX state;
    std::memcpy(&state, inner_.bytes, sizeof state);
    SHA256_Update(&state, token.data(), token.size());
    SHA256_Final(digest.data(), &state);
    std::memcpy(&state, outer_.bytes, sizeof state);
    SHA256_Update(&state, digest.data(), digest.size());
    SHA256_Final(digest.data(), &state);
    return digest;
}

}  // namespace gotthard::identity
