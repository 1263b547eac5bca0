#include "net/content_coding.hpp"

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>

namespace gotthard::net {
namespace {

constexpr std::size_t piece_size = 16u << 10;
constexpr std::size_t coded_slack = 64u << 10;  // what a coding may add to data that it cannot shrink
constexpr int zstd_window_log_max = 23;

struct CodingRow {
    std::string_view name;
    Coding coding;
};
constexpr std::array coding_rows{
    CodingRow{"gzip", Coding::gzip}, CodingRow{"x-gzip", Coding::gzip}, CodingRow{"deflate", Coding::deflate},
    CodingRow{"br", Coding::br},     CodingRow{"zstd", Coding::zstd},
};

bool same_word(std::string_view left, std::string_view right) {
    return std::ranges::equal(left, right, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

Failure unknown_coding(std::string_view name, BodyOf side) {
    const std::string shown(name.substr(0, 40));
    if (side == BodyOf::upstream)
        return Failure(FailureKind::upstream_malformed,
                       "The upstream answered in a content coding that the gateway does not know.")
            .because("content-encoding " + shown);
    Failure failure(
        FailureKind::unsupported_feature,
        fmt::format("The request body has a Content-Encoding that is not supported. Send it uncompressed or as one of: {}.",
                    accepted_codings));
    failure.status = 415;
    failure.detail = "content-encoding " + shown;
    failure.param = "Content-Encoding";
    return failure;
}

}  // namespace

std::string_view to_string(Coding coding) {
    for (const auto& row : coding_rows)
        if (row.coding == coding) return row.name;
    return "identity";
}

Result<std::vector<Coding>> parse_content_encoding(std::string_view value, BodyOf side) {
    std::vector<Coding> codings;
    while (!value.empty()) {
        const auto comma = value.find(',');
        const auto name = trim(value.substr(0, comma));
        value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
        if (name.empty() || same_word(name, "identity")) continue;
        const auto* row = std::ranges::find_if(coding_rows, [&](const CodingRow& each) { return same_word(name, each.name); });
        if (row == coding_rows.end() || codings.size() == max_codings) return fail(unknown_coding(name, side));
        codings.push_back(row->coding);
    }
    return codings;
}

/// One coding being undone. step() consumes from `in` and writes to `out`; it makes progress or needs more input.
class ContentDecoder::Layer {
public:
    struct Step {
        std::size_t consumed = 0;
        std::size_t produced = 0;
        const char* error = nullptr;
    };
    virtual ~Layer() = default;
    virtual Step step(std::string_view in, std::span<char> out) = 0;
    virtual bool complete() const = 0;  ///< The coded data may end here.
};

namespace {

using Layer = ContentDecoder::Layer;

class Inflate final : public Layer {
public:
    explicit Inflate(Coding coding) : coding_(coding) {
        if (coding_ == Coding::gzip) usable_ = inflateInit2(&stream_, 15 + 16) == Z_OK;
    }
    ~Inflate() override { inflateEnd(&stream_); }

    Step step(std::string_view in, std::span<char> out) override {
        if (ended_ && in.empty()) return {};
        if (!usable_ && (coding_ == Coding::gzip || !begin_deflate(in))) return {.error = "zlib could not start"};
        if (coding_ == Coding::deflate && stream_.state == nullptr) return {.consumed = in.size()};  // one byte so far
        if (ended_) {
            if (coding_ == Coding::deflate) return {.error = "bytes behind the end of the compressed data"};
            inflateReset(&stream_);  // gzip: the next member
            ended_ = false;
        }
        Step done;
        if (held_) {
            char first = first_;
            held_ = false;
            done.error = run({&first, 1}, out, done.produced, done.consumed);
            done.consumed = 0;
            if (done.error != nullptr) return done;
            out = out.subspan(done.produced);
        }
        std::size_t produced = 0;
        done.error = run(in, out, produced, done.consumed);
        done.produced += produced;
        return done;
    }
    bool complete() const override { return ended_; }

private:
    /// zlib or raw is told from the first two bytes (RFC 1950); both are called deflate in the wild.
    bool begin_deflate(std::string_view in) {
        if (!held_ && in.size() < 2) {
            if (in.empty()) return true;
            first_ = in.front();
            held_ = true;
            return true;
        }
        const auto first = static_cast<unsigned char>(held_ ? first_ : in[0]);
        const auto second = static_cast<unsigned char>(held_ ? in.front() : in[1]);
        const bool zlib = (first & 0x0f) == 8 && (first >> 4) <= 7 && (first * 256 + second) % 31 == 0;
        usable_ = inflateInit2(&stream_, zlib ? 15 : -15) == Z_OK;
        return usable_;
    }

    const char* run(std::string_view in, std::span<char> out, std::size_t& produced, std::size_t& consumed) {
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
        stream_.avail_in = static_cast<uInt>(in.size());
        stream_.next_out = reinterpret_cast<Bytef*>(out.data());
        stream_.avail_out = static_cast<uInt>(out.size());
        const int outcome = inflate(&stream_, Z_NO_FLUSH);
        consumed = in.size() - stream_.avail_in;
        produced = out.size() - stream_.avail_out;
        if (outcome == Z_STREAM_END)
            ended_ = true;
        else if (outcome != Z_OK && outcome != Z_BUF_ERROR)
            return "corrupt deflate data";
        return nullptr;
    }

    Coding coding_;
    z_stream stream_{};
    bool usable_ = false;
    bool ended_ = false;
    bool held_ = false;
    char first_ = 0;
};

class Brotli final : public Layer {
public:
    Brotli() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {}
    ~Brotli() override { BrotliDecoderDestroyInstance(state_); }

    Step step(std::string_view in, std::span<char> out) override {
        if (state_ == nullptr) return {.error = "brotli could not start"};
        if (ended_ && in.empty()) return {};
        if (ended_) return {.error = "bytes behind the end of the compressed data"};
        std::size_t in_left = in.size();
        std::size_t out_left = out.size();
        const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
        auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
        const auto outcome = BrotliDecoderDecompressStream(state_, &in_left, &next_in, &out_left, &next_out, nullptr);
        ended_ = outcome == BROTLI_DECODER_RESULT_SUCCESS;
        return {in.size() - in_left, out.size() - out_left,
                outcome == BROTLI_DECODER_RESULT_ERROR ? "corrupt brotli data" : nullptr};
    }
    bool complete() const override { return ended_; }

private:
    BrotliDecoderState* state_;
    bool ended_ = false;
};

class Zstd final : public Layer {
public:
    Zstd() : stream_(ZSTD_createDStream()) {
        if (stream_ != nullptr) ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, zstd_window_log_max);
    }
    ~Zstd() override { ZSTD_freeDStream(stream_); }

    Step step(std::string_view in, std::span<char> out) override {
        if (stream_ == nullptr) return {.error = "zstd could not start"};
        ZSTD_inBuffer input{in.data(), in.size(), 0};
        ZSTD_outBuffer output{out.data(), out.size(), 0};
        const std::size_t outcome = ZSTD_decompressStream(stream_, &output, &input);
        const bool error = ZSTD_isError(outcome) != 0;
        if (input.pos != 0 || output.pos != 0) ended_ = outcome == 0;
        return {input.pos, output.pos, error ? "corrupt zstd data" : nullptr};
    }
    bool complete() const override { return ended_; }

private:
    ZSTD_DStream* stream_;
    bool ended_ = false;
};

std::unique_ptr<Layer> make_layer(Coding coding) {
    switch (coding) {
        case Coding::gzip:
        case Coding::deflate:
            return std::make_unique<Inflate>(coding);
        case Coding::br:
            return std::make_unique<Brotli>();
        case Coding::zstd:
            return std::make_unique<Zstd>();
    }
    return nullptr;
}

}  // namespace

ContentDecoder::ContentDecoder(std::vector<Coding> codings, std::size_t limit, BodyOf side) : limit_(limit), side_(side) {
    for (auto coding = codings.rbegin(); coding != codings.rend(); ++coding) layers_.push_back(make_layer(*coding));
}
ContentDecoder::ContentDecoder(ContentDecoder&&) noexcept = default;
ContentDecoder& ContentDecoder::operator=(ContentDecoder&&) noexcept = default;
ContentDecoder::~ContentDecoder() = default;

Result<ContentDecoder> ContentDecoder::make(std::string_view content_encoding, std::size_t limit, BodyOf side) {
    auto codings = parse_content_encoding(content_encoding, side);
    if (!codings) return fail(std::move(codings.error()));
    return ContentDecoder(std::move(*codings), limit, side);
}

Failure ContentDecoder::broken(std::string detail) const {
    if (side_ == BodyOf::upstream)
        return Failure(FailureKind::upstream_malformed, "The upstream sent a compressed answer that cannot be decoded.")
            .because(std::move(detail));
    Failure failure(
        FailureKind::invalid_request,
        "The request body does not match its Content-Encoding and cannot be decoded. Compress it again or send it plain.");
    failure.detail = std::move(detail);
    failure.param = "Content-Encoding";
    return failure;
}

Status ContentDecoder::feed(std::string_view bytes, std::string& out) {
    if (bytes.empty()) return {};
    fed_ = true;
    return feed_layer(0, bytes, out);
}

Status ContentDecoder::feed_layer(std::size_t index, std::string_view bytes, std::string& out) {
    const auto too_large = [this] {
        if (side_ == BodyOf::upstream)
            return fail(Failure(FailureKind::upstream_malformed, "The upstream's answer is larger than the gateway accepts.")
                            .because(fmt::format("decoded body above {} bytes", limit_)));
        return fail(Failure(FailureKind::body_too_large,
                            fmt::format("The decoded request body is larger than the limit of {} bytes. Send less.", limit_)));
    };
    const bool plain = index == layers_.size();
    if (index != 0 || plain) {
        if (bytes.size() > limit_ + (plain ? 0 : coded_slack) - produced_[index]) return too_large();
        produced_[index] += bytes.size();
    }
    if (plain) {
        out.append(bytes);
        return {};
    }
    std::array<char, piece_size> piece;
    auto& layer = *layers_[index];
    std::size_t idle = 0;
    for (;;) {
        const auto step = layer.step(bytes, piece);
        if (step.error != nullptr) return fail(broken(step.error));
        bytes.remove_prefix(step.consumed);
        if (step.produced != 0) {
            if (auto status = feed_layer(index + 1, {piece.data(), step.produced}, out); !status) return status;
        }
        if (bytes.empty() && step.produced < piece.size()) return {};
        idle = step.consumed == 0 && step.produced == 0 ? idle + 1 : 0;
        if (idle > 1) return fail(broken("the decoder makes no progress"));
    }
}

Status ContentDecoder::finish() const {
    if (!fed_) return {};
    for (const auto& layer : layers_)
        if (!layer->complete()) return fail(broken("the compressed data ends early"));
    return {};
}

Result<std::string> decode_body(std::string_view content_encoding, std::string_view body, std::size_t limit, BodyOf side) {
    auto decoder = ContentDecoder::make(content_encoding, limit, side);
    if (!decoder) return fail(std::move(decoder.error()));
    std::string out;
    if (auto status = decoder->feed(body, out); !status) return fail(std::move(status.error()));
    if (auto status = decoder->finish(); !status) return fail(std::move(status.error()));
    return out;
}

namespace {

Result<std::string> encode_zlib(std::string_view body, int window_bits) {
    z_stream stream{};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return fail(FailureKind::internal, "The body could not be compressed.");
    std::string out(deflateBound(&stream, body.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    stream.avail_in = static_cast<uInt>(body.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int outcome = deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (outcome != Z_STREAM_END) return fail(FailureKind::internal, "The body could not be compressed.");
    return out;
}

Result<std::string> encode_brotli(std::string_view body) {
    std::string out(BrotliEncoderMaxCompressedSize(body.size()) + 16, '\0');
    std::size_t size = out.size();
    if (BrotliEncoderCompress(5, BROTLI_DEFAULT_WINDOW, BROTLI_DEFAULT_MODE, body.size(),
                              reinterpret_cast<const std::uint8_t*>(body.data()), &size,
                              reinterpret_cast<std::uint8_t*>(out.data())) == BROTLI_FALSE)
        return fail(FailureKind::internal, "The body could not be compressed.");
    out.resize(size);
    return out;
}

Result<std::string> encode_zstd(std::string_view body) {
    std::string out(ZSTD_compressBound(body.size()), '\0');
    const std::size_t size = ZSTD_compress(out.data(), out.size(), body.data(), body.size(), 3);
    if (ZSTD_isError(size) != 0) return fail(FailureKind::internal, "The body could not be compressed.");
    out.resize(size);
    return out;
}

}  // namespace

Result<std::string> encode_body(Coding coding, std::string_view body) {
    switch (coding) {
        case Coding::gzip:
            return encode_zlib(body, 15 + 16);
        case Coding::deflate:
            return encode_zlib(body, 15);
        case Coding::br:
            return encode_brotli(body);
        case Coding::zstd:
            return encode_zstd(body);
    }
    return fail(FailureKind::internal, "The body could not be compressed.");
}

}  // namespace gotthard::net
