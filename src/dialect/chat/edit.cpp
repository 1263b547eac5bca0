// Splices into a chat answer that passes through (E197, E207, E219, E260): the model's name, and the usage chunk that only the
// gateway asked for. All other bytes stay.
#include "base/json.hpp"
#include "base/text.hpp"
#include "dialect/common_edit.hpp"
#include "dialect/openai_chat.hpp"

namespace gotthard::dialect::chat {
namespace {

/// Appends `text` with the top-level "model" in json = text[data] replaced by `model` (JSON with quotes).
void restamp(std::string_view text, DataSpan data, std::string_view model, std::string& out) {
    const auto json = text.substr(data.begin, data.size);
    const auto place = find_member(json, "model");
    if (model.empty() || place.size == 0 || json[place.begin] != '"') {
        out += text;
        return;
    }
    out += text.substr(0, data.begin + place.begin);
    out += model;
    out += text.substr(data.begin + place.begin + place.size);
}

/// A chunk that says nothing but usage: choices empty, usage an object.
bool is_usage_chunk(std::string_view json) {
    const auto choices = find_member(json, "choices");
    if (choices.size == 0 || json[choices.begin] != '[' || !trim(json.substr(choices.begin + 1, choices.size - 2)).empty())
        return false;
    const auto usage = find_member(json, "usage");
    return usage.size > 0 && json[usage.begin] == '{';
}

class ChatStreamEdit final : public BlockEdit {
public:
    explicit ChatStreamEdit(const EditOptions& options) : strip_usage_(options.strip_usage) {
        if (!options.model.empty()) json::append_string(model_, options.model);
    }

private:
    void edit(std::string_view block, std::string& out) override {
        const auto data = data_of(block);
        const auto json = block.substr(data.begin, data.size);
        if (!json.starts_with('{')) {
            out += block;
            return;
        }
        if (strip_usage_ && is_usage_chunk(json)) return;
        restamp(block, data, model_, out);
    }

    std::string model_;
    bool strip_usage_;
};

class ChatBodyEdit final : public BodyEdit {
public:
    explicit ChatBodyEdit(const EditOptions& options) {
        if (!options.model.empty()) json::append_string(model_, options.model);
    }

private:
    void edit(std::string_view body, std::string& out) override { restamp(body, {0, body.size()}, model_, out); }

    std::string model_;
};

}  // namespace

std::unique_ptr<StreamEdit> make_edit(const EditOptions& options) {
    if (options.mode == Mode::unary) return std::make_unique<ChatBodyEdit>(options);
    return std::make_unique<ChatStreamEdit>(options);
}

}  // namespace gotthard::dialect::chat
