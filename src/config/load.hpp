// From a file to a Snapshot: as written -> validated -> resolved. All faults are found, not only the first; each says where
// (line and column, 1-based), what, and what to do. A configuration with an error gives no Snapshot.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/faults.hpp"
#include "config/snapshot.hpp"
#include "provider/discovery.hpp"

namespace gotthard::config {

/// The world outside the file, injected.
struct Surroundings {
    provider::Environment environment;  ///< Default: nothing is set.
    /// Reads a whole file for `file:` values; nullopt when it cannot be read. Default: the file system, at most 1 MiB.
    std::function<std::optional<std::string>(const std::string& path)> read_file;
    std::vector<provider::FoundEngine> engines;  ///< Local engines that answered; become providers with discover: true.
    bool superuser = false;                      ///< Decides the default data directory.
};

/// What the command line says over the file.
struct Overrides {
    std::optional<std::string> listen;
    std::optional<std::string> admin;
    std::optional<std::string> data;
};

struct Loaded {
    std::shared_ptr<const Snapshot> snapshot;  ///< Null when there is an error among the faults.
    std::vector<Fault> faults;                 ///< In order of place.
    bool ok() const { return snapshot != nullptr; }
};

/// The file to use: `asked` (--config), $GOTTHARD_CONFIG, ./gotthard.yaml, /etc/gotthard/gotthard.yaml; nullopt: none exists
/// and none was asked for. A file that was asked for is returned whether it exists or not.
std::optional<std::string> find_file(std::optional<std::string> asked, const provider::Environment& environment);

/// Reads and resolves `file`; nullopt: defaults plus what the environment offers (then discover is on).
Loaded load(const std::optional<std::string>& file, const Surroundings& surroundings, const Overrides& overrides = {});
/// The same for text that is already there; `file` is only shown.
Loaded load_text(std::string_view text, const std::string& file, const Surroundings& surroundings,
                 const Overrides& overrides = {});

/// `check`: one block per fault ("gotthard.yaml:3:9: error: ..." and the remedy), then a summary line.
std::string render_text(std::span<const Fault> faults, bool colour);
/// The same as JSON: {"valid":bool,"faults":[{file,line,column,path,severity,message,remedy}]}
std::string render_json(std::span<const Fault> faults);

/// The JSON schema of the configuration (draft 2020-12).
std::string schema();
/// docs/reference/configuration.md, from the same table.
std::string reference_markdown();
/// A commented gotthard.yaml with what was found; never holds a key's value.
std::string initial_file(const Surroundings& surroundings);

}  // namespace gotthard::config
