#include "config/written.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <tuple>
#include <unordered_map>

#include "base/text.hpp"
#include "config/validate.hpp"

namespace gotthard::config {

std::vector<Fault> Faults::take() {
    std::vector<std::size_t> order(list_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [this](std::size_t i) { return std::tuple(list_[i].line, list_[i].column, i); });
    std::vector<Fault> sorted;
    for (const std::size_t i : order) sorted.push_back(std::move(list_[i]));
    list_.clear();
    return sorted;
}

void Faults::add(Place place, std::string path, std::string message, std::string remedy, Severity severity) {
    if (severity == Severity::error) ++errors_;
    if (list_.size() >= most) return;
    list_.push_back({file_, place.line, place.column, std::move(path), std::move(message), std::move(remedy), severity});
}

bool Node::empty() const {
    switch (kind) {
        case Kind::null:
            return true;
        case Kind::scalar:
            return text.empty();
        case Kind::list:
            return items.empty();
        case Kind::map:
            return members.empty();
    }
    return true;
}

const Node* Node::find(std::string_view key) const {
    for (const Member& member : members)
        if (member.key == key) return &member.value;
    return nullptr;
}

namespace {

/// Ends reading from within the parser's callbacks; caught in read_yaml.
struct Stop {
    Place place;
    std::string message;
    std::string remedy;
};

constexpr std::string_view plain_tags[] = {
    "",
    "?",
    "!",
    "tag:yaml.org,2002:str",
    "tag:yaml.org,2002:int",
    "tag:yaml.org,2002:bool",
    "tag:yaml.org,2002:float",
    "tag:yaml.org,2002:seq",
    "tag:yaml.org,2002:map",
    "tag:yaml.org,2002:null",
};

/// Places in a text as people count them: lines and characters from 1. Bytes in, characters out.
class Lines {
public:
    explicit Lines(std::string_view text) : text_(text) {
        for (std::size_t i = 0; i < text.size(); ++i)
            if (text[i] == '\n') starts_.push_back(i + 1);
    }

    /// Of a line and a byte within it, both from 0.
    Place place(int line, int byte) const {
        const auto row = std::min(static_cast<std::size_t>(std::max(line, 0)), starts_.size() - 1);
        const auto before = text_.substr(starts_[row], static_cast<std::size_t>(std::max(byte, 0)));
        const auto characters =
            std::ranges::count_if(before, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
        return {static_cast<std::uint32_t>(row) + 1, static_cast<std::uint32_t>(characters) + 1};
    }
    Place place(std::size_t offset) const {
        const auto after = std::ranges::upper_bound(starts_, offset);
        const auto row = after - starts_.begin() - 1;
        return place(static_cast<int>(row), static_cast<int>(offset - starts_[static_cast<std::size_t>(row)]));
    }

private:
    std::string_view text_;
    std::vector<std::size_t> starts_{0};
};

class TreeBuilder final : public YAML::EventHandler {
public:
    TreeBuilder(const Lines& lines, Faults& faults) : lines_(lines), faults_(faults) {}

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(make(Node::Kind::null, mark), anchor); }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
        check_tag(mark, tag);
        Node node = make(Node::Kind::scalar, mark);
        node.text = value;
        add(std::move(node), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) throw Stop{at(mark), "an alias stands inside what it repeats", "write the value out"};
        Node copy = found->second;
        count(copy, mark);
        add(std::move(copy), YAML::NullAnchor);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Node::Kind::list, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
        open(Node::Kind::map, mark, tag, anchor);
    }
    void OnMapEnd() override { close(); }

    Node take_root() { return root_ ? std::move(*root_) : Node{}; }

private:
    struct Frame {
        Node node;
        YAML::anchor_t anchor = YAML::NullAnchor;
        std::optional<std::string> key;  ///< Read, its value is next.
        Place key_place;
        bool skip = false;                                     ///< The value of a repeated key: read and dropped.
        std::unordered_map<std::string, std::uint32_t> lines;  ///< Of the keys so far.
    };

    Place at(const YAML::Mark& mark) const { return lines_.place(mark.line, mark.column); }

    Node make(Node::Kind kind, const YAML::Mark& mark) {
        if (++values_ > most_values) throw too_many(mark);
        Node node;
        node.kind = kind;
        node.place = at(mark);
        return node;
    }

    Stop too_many(const YAML::Mark& mark) const {
        return {at(mark), "the file holds more values than a configuration can have",
                "shorten it; aliases count as often as they are used"};
    }

    void count(const Node& node, const YAML::Mark& mark) {
        if (++values_ > most_values) throw too_many(mark);
        for (const Node& item : node.items) count(item, mark);
        for (const Member& member : node.members) count(member.value, mark);
    }

    void check_tag(const YAML::Mark& mark, const std::string& tag) const {
        if (std::ranges::find(plain_tags, tag) == std::end(plain_tags))
            throw Stop{at(mark), "a YAML tag is not allowed here", "leave the tag out; write the value plainly"};
    }

    void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        check_tag(mark, tag);
        if (!frames_.empty() && frames_.back().node.is_map() && !frames_.back().key)
            throw Stop{at(mark), "a key must be a plain word",
                       "write `key: value`; a value that begins with { or [ as text needs quotes"};
        if (frames_.size() >= deepest)
            throw Stop{at(mark), "the file is nested too deeply", "a configuration never needs more than a few levels"};
        frames_.push_back({make(kind, mark), anchor, std::nullopt, {}, false, {}});
    }

    void close() {
        Frame frame = std::move(frames_.back());
        frames_.pop_back();
        add(std::move(frame.node), frame.anchor);
    }

    void add(Node node, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
        if (frames_.empty()) {
            root_ = std::move(node);
            return;
        }
        Frame& frame = frames_.back();
        if (frame.node.is_list()) {
            frame.node.items.push_back(std::move(node));
        } else if (!frame.key) {
            begin_member(frame, node);
        } else {
            if (!frame.skip) frame.node.members.push_back({std::move(*frame.key), frame.key_place, std::move(node)});
            frame.key.reset();
        }
    }

    void begin_member(Frame& frame, const Node& key) {
        if (!key.is_scalar()) throw Stop{key.place, "a key is missing before the colon", "write `key: value`"};
        frame.key = key.text;
        frame.key_place = key.place;
        const auto [same, first] = frame.lines.emplace(key.text, key.place.line);
        frame.skip = !first;
        if (frame.skip)
            faults_.error(key.place, path_to(key.text),
                          fmt::format("the key `{}` stands twice; first in line {}", key.text, same->second),
                          "keep one of the two");
    }

    std::string path_to(const std::string& key) const {
        std::string path;
        for (const Frame& frame : frames_) {
            if (&frame == &frames_.back()) continue;
            if (frame.node.is_list())
                path += fmt::format("[{}]", frame.node.items.size());
            else if (frame.key)
                path = path_of_member(path, *frame.key);
        }
        return path_of_member(path, key);
    }

    const Lines& lines_;
    Faults& faults_;
    std::vector<Frame> frames_;
    std::optional<Node> root_;
    std::unordered_map<YAML::anchor_t, Node> anchors_;
    std::size_t values_ = 0;
};

/// The first byte that is no part of valid UTF-8, for the place.
std::size_t first_bad_byte(std::string_view text) {
    std::size_t good = 0, bad = text.size();
    while (good + 1 < bad) {
        const std::size_t middle = good + (bad - good) / 2;
        std::size_t cut = middle;
        while (cut > good && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
        if (cut == good) return good;
        if (is_utf8(text.substr(0, cut)))
            good = cut;
        else
            bad = cut;
    }
    return good;
}

/// What the parser would pass over in silence or explain badly.
bool check_characters(std::string_view text, const Lines& lines, Faults& faults) {
    if (text.size() > most_bytes) {
        faults.error({1, 1}, "", "the file is larger than 1 MiB", "a configuration is never so large; check the path");
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte >= 0x20 ? byte != 0x7f : (byte == '\n' || byte == '\r' || byte == '\t')) continue;
        faults.error(lines.place(i), "", "a control character stands here", "remove it; the file must be plain UTF-8 text");
        return false;
    }
    if (!is_utf8(text)) {
        faults.error(lines.place(first_bad_byte(text)), "", "the text is not UTF-8 from here on", "save the file as UTF-8");
        return false;
    }
    bool tabs = false;
    for (std::size_t start = 0; start < text.size();) {
        const auto end = std::min(text.find('\n', start), text.size());
        const auto line = text.substr(start, end - start);
        const auto first = line.find_first_not_of(" \t\r");
        const auto tab = line.substr(0, first).find('\t');
        if (first != std::string_view::npos && line[first] != '#' && tab != std::string_view::npos) {
            faults.error(lines.place(start + tab), "", "the line is indented with a tab", "indent with spaces");
            tabs = true;
        }
        start = end + 1;
    }
    return !tabs;
}

std::string in_our_words(const std::string& message) {
    if (message.empty()) return "the text is no YAML here";
    return fmt::format("the text is no YAML here: {}", message);
}

}  // namespace

Node read_yaml(std::string_view text, Faults& faults) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    const Lines lines(text.substr(0, most_bytes));
    if (!check_characters(text, lines, faults)) return {};
    TreeBuilder builder(lines, faults);
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        if (!parser.HandleNextDocument(builder)) {
            Node root;
            root.kind = Node::Kind::map;
            root.place = {1, 1};
            return root;
        }
        Node root = builder.take_root();
        TreeBuilder rest(lines, faults);
        if (parser.HandleNextDocument(rest)) {
            faults.error(rest.take_root().place, "", "the file holds a second document",
                         "keep one; remove the line `---` and what follows");
            return {};
        }
        if (root.kind == Node::Kind::null) root.kind = Node::Kind::map;
        if (root.is_map()) return root;
        faults.error(root.place, "", "the file must be a map of keys and values",
                     "begin with a line such as `listen: 127.0.0.1:7300`");
    } catch (const Stop& stop) { faults.error(stop.place, "", stop.message, stop.remedy); } catch (const YAML::Exception& bad) {
        faults.error(lines.place(bad.mark.line, bad.mark.column), "", in_our_words(bad.msg),
                     "check indentation, quotes, brackets and the blank after each colon");
    }
    return {};
}

}  // namespace gotthard::config
