// Requests: what we accept, llhttp accepts and reads the same, head and body, to the same last byte. A head that drips in is read
// as one that comes whole.
#include "fuzz/llhttp_oracle.hpp"
#include "net/http1.hpp"

using namespace gotthard;
using namespace gotthard::fuzz;

namespace {

/// The body by our decoder; false when it is refused or not complete.
bool decode(net::BodyDecoder decoder, std::string_view raw, std::string& body, std::size_t& consumed) {
    std::string_view spans[3];
    consumed = 0;
    while (!decoder.finished()) {
        const auto step = decoder.step(raw.substr(consumed), spans);
        if (step.error != nullptr || step.consumed == 0) return false;
        for (std::size_t i = 0; i < step.spans; ++i) body += spans[i];
        consumed += step.consumed;
    }
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    net::RequestHead head;
    const auto outcome = net::parse_request_head(text, head);
    if (!outcome.complete()) {
        if (outcome.malformed() && (outcome.reason.empty() || outcome.status < 400)) std::abort();
        return 0;
    }
    for (std::size_t cut = outcome.consumed > 40 ? outcome.consumed - 40 : 0; cut < outcome.consumed; ++cut) {
        net::RequestHead part;
        if (net::parse_request_head(text.substr(0, cut), part).state != net::HeadOutcome::State::incomplete) std::abort();
    }

    const OracleMessage oracle = oracle_read(HTTP_REQUEST, text);
    // llhttp knows a fixed set of methods and of URL shapes; there it is stricter than the standard.
    if (oracle.error == HPE_INVALID_METHOD || oracle.error == HPE_INVALID_URL) return 0;
    must(oracle.head_complete, "head accepted by us alone", text, oracle);
    must(llhttp_method_name(static_cast<llhttp_method_t>(oracle.method)) == head.method, "method", text, oracle);
    must(oracle.url == head.target, "target", text, oracle);
    must(oracle.minor == head.minor_version, "version", text, oracle);
    must(oracle.chunked == head.chunked, "chunked", text, oracle);
    must(oracle.length_given == head.content_length.has_value(), "Content-Length given", text, oracle);
    must(oracle.length_given ? oracle.content_length == *head.content_length : true, "Content-Length", text, oracle);
    same_headers(head.headers, oracle, text);
    if (head.upgrade) return 0;  // llhttp leaves what follows an upgrade to the other protocol

    std::string body;
    std::size_t consumed = 0;
    if (!decode(net::BodyDecoder::of(head), text.substr(outcome.consumed), body, consumed)) return 0;
    if (stricter_oracle(oracle, text.substr(outcome.consumed))) return 0;
    must(oracle.complete, "body accepted by us alone", text, oracle);
    must(oracle.body == body, "body", text, oracle);
    must(oracle.consumed == outcome.consumed + consumed, "end of the message", text, oracle);
    return 0;
}
