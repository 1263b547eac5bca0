// llhttp (strict) as the oracle for our HTTP/1 parser: what it reads from one message. Whatever we accept, it must accept and
// read the same; we refuse more than it does.
#pragma once

#include <llhttp.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gotthard::fuzz {

struct OracleMessage {
    llhttp_errno_t error = HPE_OK;
    std::string_view reason;  ///< A static text.
    std::string url;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    std::size_t head_headers = 0;  ///< Headers without trailers.
    int method = 0;
    int status = 0;
    int minor = 0;
    std::uint64_t content_length = 0;
    bool chunked = false;
    bool length_given = false;
    bool head_complete = false;
    bool complete = false;
    bool skip_body = false;    ///< In: the answer to a HEAD request.
    std::size_t consumed = 0;  ///< complete: where the message ends.
};

inline OracleMessage oracle_read(llhttp_type_t type, std::string_view text, bool skip_body = false, bool finish = false) {
    OracleMessage message;
    message.skip_body = skip_body;
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    const auto of = [](llhttp_t* parser) -> OracleMessage& { return *static_cast<OracleMessage*>(parser->data); };
    static const auto self = of;
    settings.on_url = [](llhttp_t* parser, const char* at, std::size_t size) {
        self(parser).url.append(at, size);
        return 0;
    };
    settings.on_header_field = [](llhttp_t* parser, const char* at, std::size_t size) {
        auto& headers = self(parser).headers;
        if (headers.empty() || !headers.back().second.empty() || headers.back().first.ends_with('\0')) headers.emplace_back();
        headers.back().first.append(at, size);
        return 0;
    };
    settings.on_header_field_complete = [](llhttp_t* parser) {
        self(parser).headers.back().first.push_back('\0');
        return 0;
    };
    settings.on_header_value = [](llhttp_t* parser, const char* at, std::size_t size) {
        self(parser).headers.back().second.append(at, size);
        return 0;
    };
    settings.on_headers_complete = [](llhttp_t* parser) {
        auto& out = self(parser);
        out.head_complete = true;
        out.head_headers = out.headers.size();
        out.method = parser->method;
        out.status = parser->status_code;
        out.minor = parser->http_minor;
        out.chunked = (parser->flags & F_CHUNKED) != 0;
        out.length_given = (parser->flags & F_CONTENT_LENGTH) != 0;
        out.content_length = parser->content_length;
        return out.skip_body ? 1 : 0;
    };
    settings.on_body = [](llhttp_t* parser, const char* at, std::size_t size) {
        self(parser).body.append(at, size);
        return 0;
    };
    settings.on_message_complete = [](llhttp_t* parser) {
        self(parser).complete = true;
        return static_cast<int>(HPE_PAUSED);
    };
    llhttp_t parser;
    llhttp_init(&parser, type, &settings);
    parser.data = &message;
    message.error = llhttp_execute(&parser, text.data(), text.size());
    if (const char* reason = llhttp_get_error_reason(&parser); message.error != HPE_OK && reason != nullptr)
        message.reason = reason;
    if (message.complete) message.consumed = static_cast<std::size_t>(llhttp_get_error_pos(&parser) - text.data());
    if (finish && !message.complete && message.error == HPE_OK) llhttp_finish(&parser);
    for (auto& [name, value] : message.headers) {
        while (name.ends_with('\0')) name.pop_back();
        while (value.ends_with(' ') || value.ends_with('\t')) value.pop_back();
        value.erase(0, std::min(value.find_first_not_of(" \t"), value.size()));
    }
    return message;
}

/// Where llhttp alone refuses a body: chunk extensions, which it holds to a grammar of its own and we bound and throw away;
/// trailers with the names of framing headers, which it obeys and we throw away.
inline bool stricter_oracle(const OracleMessage& oracle, std::string_view body) {
    const bool extension = oracle.reason.starts_with("Invalid character in chunk") && body.contains(';');
    return extension || (!oracle.complete && oracle.headers.size() > oracle.head_headers);
}

[[noreturn]] inline void differ(const char* what, std::string_view text, const OracleMessage& oracle) {
    std::fprintf(stderr, "differs from llhttp: %s (llhttp: %s %s)\n%.*s\n", what, llhttp_errno_name(oracle.error),
                 oracle.reason.empty() ? "" : oracle.reason.data(), static_cast<int>(text.size()), text.data());
    std::abort();
}

inline void must(bool holds, const char* what, std::string_view text, const OracleMessage& oracle) {
    if (!holds) differ(what, text, oracle);
}

template <class Headers>
void same_headers(const Headers& ours, const OracleMessage& oracle, std::string_view text) {
    must(ours.size() == oracle.head_headers, "number of headers", text, oracle);
    for (std::size_t i = 0; i < ours.size(); ++i) {
        must(ours[i].name == oracle.headers[i].first, "header name", text, oracle);
        must(ours[i].value == oracle.headers[i].second, "header value", text, oracle);
    }
}

}  // namespace gotthard::fuzz
