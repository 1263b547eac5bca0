// Content codings of HTTP bodies (RFC 9110 section 8.4): gzip, deflate (zlib or raw), br, zstd, stacked in the order in
// which Content-Encoding lists them. Incremental: bytes in, decoded bytes appended to a string, at any cut.
//
// Bounded: every layer stops at `limit` decoded bytes (a bomb is body_too_large, 413), at most max_codings layers, the
// window of zstd is at most 8 MiB (RFC 9659). A body that ends early or carries bytes behind its end is a failure.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.hpp"

namespace gotthard::net {

enum class Coding : std::uint8_t { gzip, deflate, br, zstd };

/// Whose body it is decides whose fault a broken one is: client 400/413/415, upstream 502.
enum class BodyOf : std::uint8_t { client, upstream };

inline constexpr std::size_t max_codings = 3;
inline constexpr std::string_view accepted_codings = "gzip, deflate, br, zstd";  ///< For Accept-Encoding of a 415 answer.

std::string_view to_string(Coding coding);

/// The codings of a Content-Encoding value in the order they were applied; "identity" and empty elements are left out.
/// Unknown coding: unsupported_feature with status 415 (client) or upstream_malformed.
Result<std::vector<Coding>> parse_content_encoding(std::string_view value, BodyOf side);

class ContentDecoder {
public:
    /// Nothing to decode gives a decoder that copies. `limit` bounds the decoded bytes.
    static Result<ContentDecoder> make(std::string_view content_encoding, std::size_t limit, BodyOf side);

    ContentDecoder(ContentDecoder&&) noexcept;
    ContentDecoder& operator=(ContentDecoder&&) noexcept;
    ~ContentDecoder();

    /// Appends what `bytes` decode to. After a failure the decoder is spent.
    Status feed(std::string_view bytes, std::string& out);
    /// The body ended: fails when the coding had not. An entirely empty body is an empty body.
    Status finish() const;
    bool identity() const { return layers_.empty(); }

    class Layer;

private:
    ContentDecoder(std::vector<Coding> codings, std::size_t limit, BodyOf side);
    Status feed_layer(std::size_t index, std::string_view bytes, std::string& out);
    Failure broken(std::string detail) const;

    std::vector<std::unique_ptr<Layer>> layers_;  // outermost first
    std::size_t limit_;
    std::array<std::size_t, max_codings + 1> produced_{};  // into each layer, the last one being the result
    bool fed_ = false;
    BodyOf side_;
};

/// One-shot.
Result<std::string> decode_body(std::string_view content_encoding, std::string_view body, std::size_t limit, BodyOf side);
/// One-shot, default levels: for requests to upstreams that want it, and for tests.
Result<std::string> encode_body(Coding coding, std::string_view body);

}  // namespace gotthard::net
