// Chunked bodies: the same payload wherever the bytes are cut, the same as llhttp reads, and what is declared fit for forwarding
// with its framing holds exactly the payload. The first byte chooses the cuts.
#include "fuzz/llhttp_oracle.hpp"
#include "net/http1.hpp"

using namespace gotthard;
using namespace gotthard::fuzz;

namespace {

struct Outcome {
    std::string payload;
    std::string forwarded;  ///< As a relay sends it on.
    std::size_t consumed = 0;
    bool refused = false;
    bool finished = false;
};

Outcome decode(std::string_view raw, std::size_t piece, std::size_t room) {
    auto decoder = net::BodyDecoder::chunked();
    Outcome out;
    std::vector<std::string_view> spans(room);
    char size_line[24];
    while (out.consumed < raw.size() && !decoder.finished()) {
        const auto part = raw.substr(out.consumed, piece);
        const auto step = decoder.step(part, spans);
        if (step.error != nullptr) {
            out.refused = true;
            return out;
        }
        if (step.consumed == 0 || step.whole_chunks > step.consumed) std::abort();
        if (step.whole_chunks != 0) out.forwarded += part.substr(0, step.whole_chunks);
        for (std::size_t i = 0; i < step.spans; ++i) {
            if (spans[i].empty()) std::abort();
            out.payload += spans[i];
            if (step.whole_chunks == 0)
                (out.forwarded += net::chunk_size_line(size_line, spans[i].size())).append(spans[i]).append("\r\n");
        }
        out.consumed += step.consumed;
    }
    out.finished = decoder.finished();
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view raw(reinterpret_cast<const char*>(data + 1), size - 1);
    const Outcome whole = decode(raw, std::max<std::size_t>(raw.size(), 1), 64);
    const Outcome cut = decode(raw, 1 + data[0] % 23, 1 + data[0] % 3);
    if (whole.refused != cut.refused || whole.finished != cut.finished) std::abort();
    if (!whole.refused && (whole.payload != cut.payload || whole.consumed != cut.consumed)) std::abort();
    if (whole.refused) return 0;
    for (const Outcome* one : {&whole, &cut}) {
        const Outcome again = decode(one->forwarded + "0\r\n\r\n", 4096, 8);
        if (again.refused || !again.finished || again.payload != one->payload) std::abort();
    }
    if (!whole.finished) return 0;

    const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string text = head + std::string(raw);
    const OracleMessage oracle = oracle_read(HTTP_REQUEST, text);
    if (stricter_oracle(oracle, raw)) return 0;
    must(oracle.complete, "body accepted by us alone", text, oracle);
    must(oracle.body == whole.payload, "payload", text, oracle);
    must(oracle.consumed == head.size() + whole.consumed, "end of the body", text, oracle);
    return 0;
}
