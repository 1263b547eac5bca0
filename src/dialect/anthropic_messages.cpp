#include "dialect/anthropic_messages.hpp"

#include "base/json.hpp"
#include "dialect/common_edit.hpp"
#include "dialect/common_errors.hpp"

namespace gotthard::dialect {
namespace anthropic {
namespace {

/// Appends `text` with the JSON value at `span` replaced by the string `model`.
void splice(std::string_view text, DataSpan span, std::string_view model, std::string& out) {
    out += text.substr(0, span.begin);
    json::append_string(out, model);
    out += text.substr(span.begin + span.size);
}

DataSpan member_in(std::string_view json, DataSpan outer, std::string_view key) {
    if (outer.size == 0) return {};
    DataSpan inner = find_member(json.substr(outer.begin, outer.size), key);
    if (inner.size != 0) inner.begin += outer.begin;
    return inner;
}

/// Stream: the model's name stands in `message_start` only (E197). Everything behind that event passes as it is.
class RestampStream final : public BlockEdit {
public:
    explicit RestampStream(std::string_view model) : model_(model) {}

protected:
    void edit(std::string_view block, std::string& out) override {
        const DataSpan data = done_ ? DataSpan{} : data_of(block);
        const DataSpan type = member_in(block, data, "type");
        if (type.size == 0 || block.substr(type.begin, type.size) != "\"message_start\"") {
            out += block;
            return;
        }
        done_ = true;
        const DataSpan model = member_in(block, member_in(block, data, "message"), "model");
        if (model.size == 0 || block[model.begin] != '"') out += block;
        else splice(block, model, model_, out);
    }

private:
    std::string model_;
    bool done_ = false;
};

class RestampBody final : public BodyEdit {
public:
    explicit RestampBody(std::string_view model) : model_(model) {}

protected:
    void edit(std::string_view body, std::string& out) override {
        const DataSpan model = find_member(body, "model");
        if (model.size == 0 || body[model.begin] != '"') out += body;
        else splice(body, model, model_, out);
    }

private:
    std::string model_;
};

class NoEdit final : public StreamEdit {
public:
    void feed(std::string_view bytes, std::string& out) override { out += bytes; }
    void finish(std::string&) override {}
};

}  // namespace

std::unique_ptr<StreamEdit> make_edit(const EditOptions& options) {
    if (options.model.empty()) return std::make_unique<NoEdit>();
    if (options.mode == Mode::unary) return std::make_unique<RestampBody>(options.model);
    return std::make_unique<RestampStream>(options.model);
}

}  // namespace anthropic

constinit const Dialect anthropic_messages{
    .id = DialectId::anthropic,
    .name = "anthropic",
    .read_request = anthropic::read_request,
    .write_request = anthropic::write_request,
    .make_reader = anthropic::make_reader,
    .make_writer = anthropic::make_writer,
    .read_error = read_upstream_error,
    .write_error = anthropic::write_error,
    .write_stream_error = anthropic::write_stream_error,
    .make_edit = anthropic::make_edit,
};

}  // namespace gotthard::dialect
