#include "net/content_coding.hpp"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>

namespace gotthard::net {
namespace {

constexpr std::size_t roomy = 64u << 20;

std::string sample(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i) text += "{\"index\":" + std::to_string(i * 2654435761u % 100'003) + "},";
    text.resize(size);
    return text;
}

std::string raw_deflate(const std::string& body) {
    const auto wrapped = encode_body(Coding::deflate, body).value();
    return wrapped.substr(2, wrapped.size() - 6);
}

std::string decode_in_steps(std::string_view encoding, const std::string& body, std::size_t step, bool* good) {
    auto decoder = ContentDecoder::make(encoding, roomy, BodyOf::client).value();
    std::string out;
    *good = true;
    for (std::size_t at = 0; at < body.size() && *good; at += step)
        *good = decoder.feed(std::string_view(body).substr(at, step), out).has_value();
    *good = *good && decoder.finish().has_value();
    return out;
}

TEST(ContentCoding, EveryCodingRoundTripsAtEveryStep) {
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{5'000}, std::size_t{16'384}, std::size_t{32'768}, std::size_t{300'000}}) {
        const std::string text = sample(size);
        for (const auto coding : {Coding::gzip, Coding::deflate, Coding::br, Coding::zstd}) {
            const auto coded = encode_body(coding, text).value();
            for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{4'096}, coded.size()}) {
                bool good = false;
                ASSERT_EQ(decode_in_steps(to_string(coding), coded, step, &good), text)
                    << to_string(coding) << " " << size << " " << step;
                ASSERT_TRUE(good) << to_string(coding) << " " << size << " " << step;
            }
        }
    }
}

TEST(ContentCoding, DeflateIsReadWithAndWithoutTheZlibWrapper) {
    const std::string text = sample(10'000);
    EXPECT_EQ(decode_body("deflate", encode_body(Coding::deflate, text).value(), roomy, BodyOf::client).value(), text);
    const std::string raw = raw_deflate(text);
    for (const std::size_t step : {std::size_t{1}, std::size_t{3}, raw.size()}) {
        bool good = false;
        EXPECT_EQ(decode_in_steps("deflate", raw, step, &good), text);
        EXPECT_TRUE(good);
    }
}

TEST(ContentCoding, StackedCodingsAreUndoneInReverseOrder) {
    const std::string text = sample(50'000);
    const auto twice = encode_body(Coding::br, encode_body(Coding::gzip, text).value()).value();
    EXPECT_EQ(decode_body("gzip, identity , BR", twice, roomy, BodyOf::client).value(), text);
    EXPECT_FALSE(decode_body("br, gzip", twice, roomy, BodyOf::client).has_value());
}

TEST(ContentCoding, SeveralMembersOrFramesAreOneBody) {
    const auto first = sample(20'000);
    const auto second = sample(100);
    for (const auto coding : {Coding::gzip, Coding::zstd}) {
        const auto coded = encode_body(coding, first).value() + encode_body(coding, second).value();
        for (const std::size_t step : {std::size_t{1}, std::size_t{1000}, coded.size()}) {
            bool good = false;
            EXPECT_EQ(decode_in_steps(to_string(coding), coded, step, &good), first + second);
            EXPECT_TRUE(good);
        }
    }
}

TEST(ContentCoding, AnUnknownCodingIsRefusedWithWhatIsAccepted) {
    const auto refused = decode_body("compress", "x", roomy, BodyOf::client);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, FailureKind::unsupported_feature);
    EXPECT_EQ(refused.error().status, 415);
    EXPECT_NE(refused.error().message.find("gzip, deflate, br, zstd"), std::string::npos);
    const auto upstream = decode_body("compress", "x", roomy, BodyOf::upstream);
    ASSERT_FALSE(upstream.has_value());
    EXPECT_EQ(upstream.error().kind, FailureKind::upstream_malformed);
    EXPECT_FALSE(parse_content_encoding("gzip,gzip,gzip,gzip", BodyOf::client).has_value());
}

TEST(ContentCoding, NoCodingCopies) {
    EXPECT_EQ(decode_body("", "plain", roomy, BodyOf::client).value(), "plain");
    EXPECT_EQ(decode_body(" identity, ", "plain", roomy, BodyOf::client).value(), "plain");
    EXPECT_EQ(decode_body("x-gzip", encode_body(Coding::gzip, "plain").value(), roomy, BodyOf::client).value(), "plain");
}

TEST(ContentCoding, ABombStopsAtTheLimit) {
    const std::string zeros(40u << 20, '\0');
    for (const auto coding : {Coding::gzip, Coding::deflate, Coding::br, Coding::zstd}) {
        const auto coded = encode_body(coding, zeros).value();
        const auto refused = decode_body(to_string(coding), coded, 1u << 20, BodyOf::client);
        ASSERT_FALSE(refused.has_value()) << to_string(coding);
        EXPECT_EQ(refused.error().kind, FailureKind::body_too_large);
        EXPECT_EQ(refused.error().status, 413);
    }
    const auto nested = encode_body(Coding::gzip, encode_body(Coding::gzip, zeros).value()).value();
    EXPECT_EQ(decode_body("gzip, gzip", nested, 1u << 20, BodyOf::client).error().kind, FailureKind::body_too_large);
}

TEST(ContentCoding, ALayerThatDecodesToNothingForeverIsBounded) {
    std::string empty_members;
    const auto empty = encode_body(Coding::gzip, "").value();
    while (empty_members.size() < (8u << 20)) empty_members += empty;
    const auto coded = encode_body(Coding::gzip, empty_members).value();
    EXPECT_LT(coded.size(), 200'000u);
    EXPECT_EQ(decode_body("gzip, gzip", coded, 1u << 20, BodyOf::client).error().kind, FailureKind::body_too_large);
}

TEST(ContentCoding, TheLimitItselfIsAllowed) {
    const std::string text = sample(100'000);
    const auto coded = encode_body(Coding::zstd, text).value();
    EXPECT_TRUE(decode_body("zstd", coded, text.size(), BodyOf::client).has_value());
    EXPECT_FALSE(decode_body("zstd", coded, text.size() - 1, BodyOf::client).has_value());
}

TEST(ContentCoding, ABodyCutAnywhereIsAFailure) {
    const std::string text = sample(3'000);
    for (const auto coding : {Coding::gzip, Coding::deflate, Coding::br, Coding::zstd}) {
        const auto coded = encode_body(coding, text).value();
        for (std::size_t size = 1; size < coded.size(); ++size) {
            const auto cut = decode_body(to_string(coding), std::string_view(coded).substr(0, size), roomy, BodyOf::client);
            ASSERT_FALSE(cut.has_value()) << to_string(coding) << " " << size;
            ASSERT_EQ(cut.error().kind, FailureKind::invalid_request);
        }
    }
}

TEST(ContentCoding, BytesBehindTheEndAreAFailure) {
    for (const auto coding : {Coding::gzip, Coding::deflate, Coding::br, Coding::zstd}) {
        const auto coded = encode_body(coding, "hello").value() + "trailing garbage";
        EXPECT_FALSE(decode_body(to_string(coding), coded, roomy, BodyOf::upstream).has_value()) << to_string(coding);
    }
}

TEST(ContentCoding, PlainBytesUnderACodingNameAreAFailure) {
    for (const auto coding : {"gzip", "deflate", "br", "zstd"})
        EXPECT_FALSE(decode_body(coding, "{\"model\":\"gpt\",\"messages\":[]}", roomy, BodyOf::client).has_value()) << coding;
}

TEST(ContentCoding, AZstdWindowAboveEightMebibytesIsRefused) {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 26);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    std::string coded(ZSTD_compressBound(100), '\0');
    ZSTD_outBuffer output{coded.data(), coded.size(), 0};
    const std::string text(100, 'x');
    ZSTD_inBuffer input{text.data(), text.size(), 0};
    ZSTD_compressStream2(context, &output, &input, ZSTD_e_flush);
    ZSTD_compressStream2(context, &output, &input, ZSTD_e_end);
    ZSTD_freeCCtx(context);
    coded.resize(output.pos);
    EXPECT_FALSE(decode_body("zstd", coded, roomy, BodyOf::client).has_value());
}

}  // namespace
}  // namespace gotthard::net
