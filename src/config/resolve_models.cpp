// Names under `models:`: each `use` becomes targets; names of names are followed, in order, each target once.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/text.hpp"
#include "config/resolve.hpp"
#include "config/validate.hpp"

namespace gotthard::config {
namespace {

constexpr std::size_t most_targets = 64;
constexpr std::size_t most_steps = 256;  ///< Names followed for one alias.
constexpr std::size_t longest_chain = 16;

class AliasReader {
public:
    explicit AliasReader(Resolving& r) : r_(r), members_(r.root.at("models").members()) {
        for (std::size_t i = 0; i < members_.size(); ++i) by_name_.emplace(members_[i].first, i);
        for (const auto& member : r.root.at("providers").members()) declared_.insert(member.first);
    }

    void read() {
        for (const auto& [name, view] : members_) {
            if (name.empty() || name.size() > 256 ||
                std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
                r_.faults.error(view.place(), view.path(), "this cannot be a model's name", "use a short name without line ends");
            Alias alias{.name = name, .targets = {}, .hidden = view.at("hidden").boolean()};
            if (!view.at("use").given()) {
                if (!view.faulty() && !view.at("use").faulty())
                    r_.faults.error(view.place(), view.path(), "the name has no `use`",
                                    "write for instance `use: openai/gpt-5.4`");
                continue;
            }
            seen_ = {name};
            under_way_ = {name};
            follow(view, alias, true);
            r_.out.aliases.push_back(std::move(alias));
        }
    }

private:
    /// `report`: faults of this entry's own items; those of entries it names are reported where they stand.
    void follow(const View& view, Alias& alias, bool report) {
        for (const View& item : view.at("use").items()) {
            if (!item.given() || alias.targets.size() >= most_targets) continue;
            const std::string used = item.text();
            const auto other = by_name_.find(used);
            if (other == by_name_.end()) {
                add_target(item, used, alias, report);
            } else if (under_way_.contains(used) || under_way_.size() > longest_chain || seen_.size() > most_steps) {
                if (report || used == alias.name)
                    r_.faults.error(item.place(), item.path(),
                                    fmt::format("{} leads back to itself, or through too many names", item.shown()),
                                    "name a `provider/model`");
            } else if (seen_.insert(used).second) {
                under_way_.insert(used);
                follow(members_[other->second].second, alias, false);
                under_way_.erase(used);
            }
        }
    }

    void add_target(const View& item, const std::string& used, Alias& alias, bool report) {
        const auto slash = used.find('/');
        const std::string provider_name = used.substr(0, slash);
        const auto index = r_.out.provider_index(provider_name);
        if (slash == std::string::npos || slash + 1 == used.size()) {
            if (report)
                r_.faults.error(item.place(), item.path(),
                                fmt::format("{} is neither `provider/model` nor a name under `models`", item.shown()),
                                suggestion(item, used));
            return;
        }
        if (!index) {
            if (report && !declared_.contains(provider_name))  // a provider that failed has been reported
                r_.faults.error(item.place(), item.path(), fmt::format("the provider of {} is not there", item.shown()),
                                suggestion(item, used));
            return;
        }
        const std::string model = used.substr(slash + 1);
        const auto upstream = r_.out.providers[*index].upstream_model(model);
        if (!upstream) {
            if (report)
                r_.faults.error(item.place(), item.path(), fmt::format("`{}` does not offer {}", provider_name, item.shown()),
                                fmt::format("add it to `providers.{}.models`", provider_name));
            return;
        }
        Target target{.provider = *index, .model = std::string(*upstream), .shown = used};
        if (std::ranges::find(alias.targets, target) == alias.targets.end()) alias.targets.push_back(std::move(target));
    }

    std::string suggestion(const View& item, const std::string& used) const {
        if (item.replaced()) return "check what it holds, or write the name here";
        std::vector<std::string> names;
        for (const Provider& provider : r_.out.providers) names.push_back(provider.name);
        const auto slash = used.find('/');
        if (slash == std::string::npos) {
            std::vector<std::string> aliases;
            for (const auto& member : members_) aliases.push_back(member.first);
            if (const std::string near = nearest(used, aliases); !near.empty()) return fmt::format("did you mean `{}`?", near);
            return "write the provider's name in front, for instance `openai/gpt-5.4`";
        }
        if (const std::string near = nearest(used.substr(0, slash), names); !near.empty() && slash + 1 < used.size())
            return fmt::format("did you mean `{}{}`?", near, used.substr(slash));
        if (slash + 1 == used.size()) return "write the model's name behind the slash";
        if (names.empty()) return "list the provider under `providers`";
        return fmt::format("list it under `providers`; there are: {}", fmt::join(names, ", "));
    }

    Resolving& r_;
    const std::vector<std::pair<std::string, View>> members_;
    std::unordered_map<std::string, std::size_t> by_name_;
    std::set<std::string> declared_;
    std::set<std::string> under_way_;  ///< From the alias to where reading stands: a name that is here leads in a circle.
    std::set<std::string> seen_;
};

}  // namespace

void resolve_models(Resolving& r) {
    r.out.index();
    AliasReader(r).read();
    r.out.index();
}

}  // namespace gotthard::config
