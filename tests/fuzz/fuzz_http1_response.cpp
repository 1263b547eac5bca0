// Responses: what we accept, llhttp accepts and reads the same. The first byte says whether the request was a HEAD.
#include "fuzz/llhttp_oracle.hpp"
#include "net/http1.hpp"

using namespace gotthard;
using namespace gotthard::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const bool head_request = data[0] % 2 == 1;
    const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
    net::ResponseHead head;
    const auto outcome = net::parse_response_head(text, head, head_request ? "HEAD" : "POST");
    if (!outcome.complete()) return 0;
    if (head.headers.count("content-length") > 1) return 0;  // repeated but equal: tolerated by us alone

    const OracleMessage oracle = oracle_read(HTTP_RESPONSE, text, head.bodyless, true);
    must(oracle.head_complete, "head accepted by us alone", text, oracle);
    must(oracle.status == head.status, "status", text, oracle);
    must(oracle.minor == head.minor_version, "version", text, oracle);
    must(oracle.chunked == head.chunked, "chunked", text, oracle);
    must(!head.content_length || oracle.content_length == *head.content_length, "Content-Length", text, oracle);
    same_headers(head.headers, oracle, text);
    if (head.status == 101 || head.headers.find("upgrade")) return 0;  // llhttp leaves what follows to the other protocol

    auto decoder = net::BodyDecoder::of(head);
    std::string body;
    std::string_view spans[3];
    std::size_t consumed = 0;
    const auto raw = text.substr(outcome.consumed);
    while (!decoder.finished() && consumed < raw.size()) {
        const auto step = decoder.step(raw.substr(consumed), spans);
        if (step.error != nullptr) return 0;
        for (std::size_t i = 0; i < step.spans; ++i) body += spans[i];
        consumed += step.consumed;
    }
    if (!decoder.finished() && !decoder.end_of_input()) return 0;
    if (stricter_oracle(oracle, raw)) return 0;
    must(oracle.complete, "body accepted by us alone", text, oracle);
    must(oracle.body == body, "body", text, oracle);
    return 0;
}
