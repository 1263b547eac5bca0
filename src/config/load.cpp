#include "config/load.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.hpp"
#include "config/resolve.hpp"
#include "config/validate.hpp"
#include "config/written.hpp"

namespace gotthard::config {
namespace {

constexpr std::size_t most_secret_bytes = 1 << 20;

enum class Accept : std::uint8_t { regular_files, anything };

/// The first `limit` bytes of a file at most; nullopt when it cannot be read.
std::optional<std::string> read_bounded(const std::string& path, std::size_t limit, Accept accept) {
    const int fd =
        ::open(path.c_str(), accept == Accept::regular_files ? O_RDONLY | O_CLOEXEC | O_NONBLOCK : O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    struct stat about{};
    std::optional<std::string> out;
    if (::fstat(fd, &about) == 0 && !S_ISDIR(about.st_mode) && (accept == Accept::anything || S_ISREG(about.st_mode))) {
        out.emplace();
        char room[16 * 1024];
        ssize_t got = 0;
        while (out->size() < limit && (got = ::read(fd, room, std::min(sizeof room, limit - out->size()))) > 0)
            out->append(room, static_cast<std::size_t>(got));
        if (got < 0) out.reset();
    }
    ::close(fd);
    return out;
}

std::optional<std::string> read_secret_file(const std::string& path) {
    auto text = read_bounded(path, most_secret_bytes + 1, Accept::regular_files);
    if (text && text->size() > most_secret_bytes) return std::nullopt;
    return text;
}

/// Fills in what the caller left open.
Surroundings completed(const Surroundings& given) {
    Surroundings out = given;
    if (!out.environment) out.environment = [](std::string_view) { return std::optional<std::string>{}; };
    if (!out.read_file) out.read_file = read_secret_file;
    return out;
}

// ---- the hash: the tree without comments, order of keys or spelling, and what the environment added ----

void append_field(std::string& out, std::string_view text) {
    append_integer(out, text.size());
    out += ':';
    out += text;
}

void append_canonical(std::string& out, const Node& node) {
    out += "nslm"[static_cast<std::size_t>(node.kind)];
    append_field(out, node.text);
    append_integer(out, node.items.size() + node.members.size());
    for (const Node& item : node.items) append_canonical(out, item);
    std::vector<const Member*> members;
    for (const Member& member : node.members) members.push_back(&member);
    std::ranges::sort(members, {}, [](const Member* member) { return std::string_view(member->key); });
    for (const Member* member : members) {
        append_field(out, member->key);
        append_canonical(out, member->value);
    }
}

void stamp(Snapshot& snapshot, const Node& root) {
    std::string text;
    append_canonical(text, root);
    for (const std::string& part :
         {snapshot.data.text(), snapshot.admin.text(), snapshot.data_directory, std::string(snapshot.admin_token.reveal())})
        append_field(text, part);
    for (const Provider& provider : snapshot.providers) {
        append_field(text, provider.name);
        append_field(text, provider.upstream.base.text());
        for (const auto& account : provider.upstream.accounts) append_field(text, account.key.reveal());
        if (provider.proxy) append_field(text, provider.proxy->host);
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
    explicit_bzero(text.data(), text.size());
    for (int i = 0; i < 8; ++i) snapshot.hash = snapshot.hash << 8 | digest[i];
    snapshot.hash_text = hex({reinterpret_cast<const char*>(digest), 8});
}

Loaded finish(Node root, const std::string& file, const Surroundings& surroundings, const Overrides& overrides, Faults& faults) {
    validate(root, {surroundings.environment, surroundings.read_file}, faults);
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->file = file;
    Resolving resolving{View(root), surroundings, overrides, faults, *snapshot};
    resolve_general(resolving);
    resolve_listeners(resolving);
    resolve_providers(resolving);
    resolve_models(resolving);
    resolve_keys(resolving);
    resolve_prices(resolving);
    Loaded out;
    if (!faults.any_error()) {
        stamp(*snapshot, root);
        out.snapshot = std::move(snapshot);
    }
    out.faults = faults.take();
    return out;
}

/// What is in force without a file: everything that the environment offers.
Node tree_without_file() {
    Node yes;
    yes.kind = Node::Kind::scalar;
    yes.text = "true";
    Node root;
    root.kind = Node::Kind::map;
    root.members.push_back({"discover", {}, std::move(yes)});
    return root;
}

}  // namespace

std::optional<std::string> find_file(std::optional<std::string> asked, const provider::Environment& environment) {
    if (asked && !asked->empty()) return asked;
    if (environment)
        if (auto named = environment("GOTTHARD_CONFIG"); named && !trim(*named).empty()) return std::string(trim(*named));
    for (const char* path : {"gotthard.yaml", "/etc/gotthard/gotthard.yaml"})
        if (::access(path, F_OK) == 0) return path;
    return std::nullopt;
}

Loaded load(const std::optional<std::string>& file, const Surroundings& given, const Overrides& overrides) {
    if (file) {
        const auto text = read_bounded(*file, most_bytes + 1, Accept::anything);
        if (text) return load_text(*text, *file, given, overrides);
        Loaded out;
        out.faults.push_back({*file, 0, 0, "", "the configuration file cannot be read",
                              "check the path and who may read it; `gotthard init` writes a new one", Severity::error});
        return out;
    }
    Faults faults("");
    return finish(tree_without_file(), "", completed(given), overrides, faults);
}

Loaded load_text(std::string_view text, const std::string& file, const Surroundings& given, const Overrides& overrides) {
    Faults faults(file);
    Node root = read_yaml(text, faults);
    if (!root.is_map()) {
        Loaded out;
        out.faults = faults.take();
        return out;
    }
    return finish(std::move(root), file, completed(given), overrides, faults);
}

}  // namespace gotthard::config
