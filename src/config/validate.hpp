// From as-written to validated: every key is known, of its type, and of this version; env: and file: are replaced by what they
// name. What is wrong becomes a fault and is emptied, so that resolving goes on with the default and finds the other faults.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "config/faults.hpp"
#include "config/written.hpp"
#include "provider/upstream.hpp"

namespace gotthard::config {

struct References {
    const provider::Environment& environment;
    const std::function<std::optional<std::string>(const std::string&)>& read_file;
};

void validate(Node& root, const References& references, Faults& faults);

/// The known name that `name` was probably meant to be; "" when none is near enough.
std::string nearest(std::string_view name, std::span<const std::string> known);

/// "lab" + "base_url" -> "lab.base_url"; names that are no plain words are quoted: `parameters."a/b*"`.
std::string path_of_member(std::string_view parent, std::string_view key);

}  // namespace gotthard::config
