// Arbitrary bytes under every coding: never more than the limit comes out, and the cut of the input does not matter.
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/content_coding.hpp"

namespace {

constexpr std::size_t limit = 1u << 20;
constexpr std::string_view encodings[] = {"gzip", "deflate", "br", "zstd", "gzip, br", "zstd, deflate"};

struct Outcome {
    bool good = false;
    std::string text;
};

Outcome decode(std::string_view encoding, std::string_view bytes, std::size_t step) {
    auto decoder = gotthard::net::ContentDecoder::make(encoding, limit, gotthard::net::BodyOf::upstream);
    if (!decoder) std::abort();
    Outcome outcome;
    for (std::size_t at = 0; at < bytes.size(); at += step)
        if (!decoder->feed(bytes.substr(at, step), outcome.text)) return outcome;
    outcome.good = decoder->finish().has_value();
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    const auto encoding = encodings[data[0] % std::size(encodings)];
    const std::size_t step = 1 + data[1];
    const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);
    const auto whole = decode(encoding, bytes, bytes.size());
    const auto cut = decode(encoding, bytes, step);
    if (whole.text.size() > limit || cut.text.size() > limit) std::abort();
    if (whole.good != cut.good) std::abort();
    if (whole.good && whole.text != cut.text) std::abort();
    return 0;
}
