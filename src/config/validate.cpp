#include "config/validate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "config/keys.hpp"
#include "config/values.hpp"
#include "provider/provider.hpp"

namespace gotthard::config {
namespace {

constexpr std::string_view not_yet = "is not available in this version";

std::string shown_text(const Node& node) {
    if (node.replaced) return fmt::format("the value of {}", node.reference);
    if (node.text.size() > 80) return fmt::format("`{}...`", utf8_prefix(node.text, 80));
    return fmt::format("`{}`", node.text);
}

std::string_view kind_name(const Node& node) {
    constexpr std::string_view names[] = {"nothing", "a single value", "a list", "a map"};
    return names[static_cast<std::size_t>(node.kind)];
}

/// What is left of a value with a fault.
void empty_out(Node& node) {
    const Place place = node.place;
    node = Node{};
    node.place = place;
    node.faulty = true;
}

class Validator {
public:
    Validator(const References& references, Faults& faults) : references_(references), faults_(faults) {}

    /// `key` is the row of `node`; `path` as shown in faults.
    void visit(Node& node, const Key& key, const std::string& path, Place place) {
        if (key.since == Since::later) return refuse_later(node, key, path, place);
        if (node.kind == Node::Kind::null) return;
        switch (key.type) {
            case Type::object:
                return visit_object(node, &key, path);
            case Type::map:
                return visit_map(node, key, path);
            case Type::list:
                return visit_list(node, key, path);
            case Type::texts:
            case Type::choices:
                return visit_texts(node, key, path);
            case Type::models:
                return visit_models(node, key, path);
            case Type::account:
                if (node.is_map()) return visit_object(node, &key, path);
                break;
            default:
                break;
        }
        visit_scalar(node, key, path);
    }

    void visit_object(Node& node, const Key* key, const std::string& path) {
        if (!expect(node, Node::Kind::map, path, key == nullptr ? std::string{} : example_of(*key))) return;
        for (Member& member : node.members) {
            const std::string member_path = path_of_member(path, member.key);
            const std::string pattern = child_path(key == nullptr ? std::string_view{} : key->path, member.key);
            const Key* child = member.key == "*" || member.key == "[]" || member.key.find_first_of(".[") != std::string::npos
                                   ? nullptr
                                   : find_key(pattern);
            if (child != nullptr)
                visit(member.value, *child, member_path, member.place);
            else if (key != nullptr && key->path == "providers.*" && is_variable(node, path, member.key))
                visit_scalar(member.value, variable_key, member_path);
            else
                unknown(node, member, key, path);
        }
        std::erase_if(node.members,
                      [](const Member& member) { return member.value.kind == Node::Kind::null && !member.value.faulty; });
    }

private:
    static constexpr Key variable_key{.path = "providers.*.*", .type = Type::text};

    void refuse_later(Node& node, const Key& key, const std::string& path, Place place) {
        if (!node.empty())
            faults_.error(place, path, fmt::format("`{}` {}", last_step(key.path), not_yet),
                          "remove it; it would have no effect");
        node = Node{};
    }

    bool expect(Node& node, Node::Kind kind, const std::string& path, const std::string& example) {
        if (node.kind == kind) return true;
        Node wanted;
        wanted.kind = kind;
        faults_.error(node.place, path, fmt::format("{} stands where {} is needed", kind_name(node), kind_name(wanted)),
                      example.empty() ? "write it as in docs/reference/configuration.md" : example);
        empty_out(node);
        return false;
    }

    static std::string example_of(const Key& key) {
        std::string example;
        for (const Key* child : children_of(&key)) {
            if (child->since == Since::later) continue;
            example += example.empty() ? "write a map of " : ", ";
            example += fmt::format("`{}`", last_step(child->path));
        }
        return example;
    }

    void visit_map(Node& node, const Key& key, const std::string& path) {
        if (!expect(node, Node::Kind::map, path,
                    last_step(key.path) == "*" ? std::string("write a map of names")
                                               : fmt::format("write a map of names under `{}`", last_step(key.path))))
            return;
        const Key* child = find_key(child_path(key.path, "*"));
        for (Member& member : node.members) {
            const std::string member_path = path_of_member(path, member.key);
            if (member.value.kind == Node::Kind::null && child->type == Type::object) member.value.kind = Node::Kind::map;
            visit(member.value, *child, member_path, member.place);
        }
    }

    void visit_list(Node& node, const Key& key, const std::string& path) {
        if (!expect(node, Node::Kind::list, path,
                    fmt::format("write a list under `{}`: each item begins with `- `", last_step(key.path))))
            return;
        const Key* child = find_key(child_path(key.path, "[]"));
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            Node& item = node.items[i];
            const std::string item_path = fmt::format("{}[{}]", path, i);
            if (item.kind == Node::Kind::null)
                faults_.error(node.place, item_path, "an item of this list is empty", "write it or remove its line");
            visit(item, *child, item_path, item.place);
        }
    }

    void visit_texts(Node& node, const Key& key, const std::string& path) {
        if (node.is_scalar()) return visit_scalar(node, key, path);
        if (!expect(node, Node::Kind::list, path, "write one value, or a list")) return;
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            const std::string item_path = fmt::format("{}[{}]", path, i);
            if (node.items[i].is_map() && key.path == "models.*.use") {
                faults_.error(node.items[i].place, item_path, fmt::format("a target as a map {}", not_yet),
                              "write the target as `provider/model`");
                empty_out(node.items[i]);
            } else {
                visit_scalar(node.items[i], key, item_path);
            }
        }
        node.faulty = std::erase_if(node.items, [](const Node& item) { return item.kind == Node::Kind::null; }) > 0;
    }

    /// Globs and renames become one list of scalars (globs) and one-member maps (renames).
    void visit_models(Node& node, const Key& key, const std::string& path) {
        constexpr Key text{.path = "providers.*.models[]", .type = Type::text};
        if (node.is_scalar()) {
            visit_scalar(node, text, path);
            return;
        }
        if (node.is_map()) {
            for (Member& member : node.members) visit_scalar(member.value, text, path_of_member(path, member.key));
            return;
        }
        if (!expect(node, Node::Kind::list, path, "write a list of globs and of `name: upstream id`")) return;
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            const std::string item_path = fmt::format("{}[{}]", path, i);
            if (node.items[i].is_map())
                visit_models(node.items[i], key, item_path);
            else
                visit_scalar(node.items[i], text, item_path);
        }
    }

    void visit_scalar(Node& node, const Key& key, const std::string& path) {
        if (!node.is_scalar()) {
            faults_.error(node.place, path, fmt::format("{} stands where a single value is needed", kind_name(node)),
                          key.fallback.empty() ? "write one value" : fmt::format("write for instance `{}`", key.fallback));
            empty_out(node);
            return;
        }
        const bool secret = key.type == Type::secret || key.type == Type::account;
        if (!replace(node, path, secret)) return empty_out(node);
        const bool holds_password = key.type == Type::url && node.text.find('@') != std::string::npos;
        const std::string shown = secret ? "the secret" : holds_password ? "the address" : shown_text(node);
        if (const auto complaint = complaint_about(key, node.text, shown)) {
            faults_.error(node.place, path, complaint->message, complaint->remedy);
            return empty_out(node);
        }
        if (secret && !node.replaced)
            faults_.warning(node.place, path, "a secret is written in plain text",
                            "write `env:NAME` or `file:/path` in its place");
    }

    /// Puts what `env:` or `file:` names in place of the text. False: a fault was added.
    bool replace(Node& node, const std::string& path, bool secret) {
        const std::string_view text = node.text;
        if (text.starts_with("vault:")) {
            faults_.error(node.place, path, fmt::format("`vault:` {}", not_yet), "use `env:NAME` or `file:/path`");
            return false;
        }
        const bool from_environment = text.starts_with("env:"), from_file = text.starts_with("file:");
        if (!from_environment && !from_file) return true;
        const std::string name(trim(text.substr(from_environment ? 4 : 5)));
        std::optional<std::string> value;
        if (!name.empty()) value = from_environment ? references_.environment(name) : references_.read_file(name);
        if (!value || (secret && trim(*value).empty())) {
            faults_.error(node.place, path, missing(name, from_environment, value.has_value()),
                          from_environment ? fmt::format("set it before starting: export {}=...", name.empty() ? "NAME" : name)
                                           : "check the path and who may read it");
            return false;
        }
        node.reference = fmt::format("{}:{}", from_environment ? "env" : "file", name);
        node.text = trim(*value);
        node.replaced = true;
        return true;
    }

    static std::string missing(const std::string& name, bool from_environment, bool empty) {
        if (name.empty()) return from_environment ? "`env:` names no variable" : "`file:` names no file";
        if (from_environment) return fmt::format("the environment variable {} is {}", name, empty ? "empty" : "not set");
        return fmt::format("the file {} {}", name, empty ? "is empty" : "cannot be read");
    }

    /// What the provider's row asks for beside the table's keys.
    static bool is_variable(const Node& provider, const std::string& path, std::string_view name) {
        const Node* type = provider.find("type");
        const auto dot = path.rfind('.');
        const std::string_view id =
            type != nullptr && type->is_scalar() ? std::string_view(type->text) : std::string_view(path).substr(dot + 1);
        const provider::Row* row = provider::find_row(id);
        return row != nullptr &&
               std::ranges::any_of(row->variables, [name](const provider::Variable& variable) { return variable.name == name; });
    }

    void unknown(const Node& node, Member& member, const Key* key, const std::string& path) {
        std::vector<std::string> known;
        for (const Key* child : children_of(key))
            if (child->since == Since::now && last_step(child->path) != "[]" && last_step(child->path) != "*")
                known.emplace_back(last_step(child->path));
        const std::string member_path = path_of_member(path, member.key);
        std::string remedy = "see docs/reference/configuration.md for the keys that exist";
        if (member.key == "<<") {
            remedy = "merge keys are not supported: write the keys out";
        } else if (const std::string near = nearest(member.key, known); !near.empty()) {
            remedy = fmt::format("did you mean `{}`?", near);
            if (node.find(near) != nullptr) remedy = fmt::format("remove it; `{}` is there already", near);
        } else if (!known.empty() && known.size() <= 12) {
            remedy = fmt::format("known keys here: {}", fmt::join(known, ", "));
        }
        faults_.error(member.place, member_path, fmt::format("unknown key `{}`", utf8_prefix(member.key, 80)), remedy);
        empty_out(member.value);
    }

    const References& references_;
    Faults& faults_;
};

}  // namespace

std::string nearest(std::string_view name, std::span<const std::string> known) {
    std::string best;
    std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
    for (const std::string& other : known) {
        if (other.empty() || other == name) continue;
        const std::size_t distance = edit_distance(name, other);
        if (distance >= least) continue;
        least = distance;
        best = other;
    }
    return best;
}

std::string path_of_member(std::string_view parent, std::string_view key) {
    const bool plain =
        !key.empty() && std::ranges::all_of(key, [](char c) { return is_alpha(c) || is_digit(c) || c == '_' || c == '-'; });
    const std::string step = plain ? std::string(key) : fmt::format("\"{}\"", utf8_prefix(key, 80));
    return parent.empty() ? step : fmt::format("{}.{}", parent, step);
}

void validate(Node& root, const References& references, Faults& faults) {
    if (!root.is_map()) return;
    Validator(references, faults).visit_object(root, nullptr, "");
}

}  // namespace gotthard::config
