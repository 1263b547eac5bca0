// The text form of keys and tokens, the server secret, and where clients put their key.
#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.hpp"
#include "identity/identity.hpp"

namespace gotthard::identity {
namespace {

constexpr char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t random_length = 32, checksum_length = 6;

std::string checksum_of(std::string_view random_part) {
    std::string text(checksum_length, '0');
    std::uint32_t rest = crc32(random_part);
    for (std::size_t i = checksum_length; i-- > 0; rest /= 62) text[i] = alphabet[rest % 62];
    return text;
}

void fill_random(unsigned char* to, std::size_t size) {
    if (RAND_bytes(to, static_cast<int>(size)) != 1) std::abort();  // no key is better than a guessable one
}

Failure bad_secret(const std::string& path, std::string_view what) {
    return Failure(FailureKind::internal, fmt::format("{} {}. The stored keys can only be recognised with it: restore it from a backup, or remove it "
                                                      "together with gotthard.db to start with new keys",
                                                      path, what));
}

/// Writes a private file whole, or says why not.
Status write_private(const std::string& path, std::string_view text) {
    const std::string temporary = path + ".new";
    const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    const auto failed = [&] { return fail(FailureKind::internal, fmt::format("{} cannot be written ({}); check the data folder", path, std::strerror(errno))); };
    if (file < 0) return failed();
    const bool written = ::fchmod(file, 0600) == 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
    ::close(file);
    if (!written || ::rename(temporary.c_str(), path.c_str()) != 0) {
        auto failure = failed();
        ::unlink(temporary.c_str());
        return failure;
    }
    return {};
}

}  // namespace

Secret make_token(std::string_view prefix) {
    std::string text(prefix);
    // 248 is the largest multiple of 62 in a byte: what lies above would favour the first letters.
    while (text.size() < prefix.size() + random_length) {
        unsigned char bytes[64];
        fill_random(bytes, sizeof bytes);
        for (const auto byte : bytes)
            if (byte < 248 && text.size() < prefix.size() + random_length) text += alphabet[byte % 62];
        explicit_bzero(bytes, sizeof bytes);
    }
    text += checksum_of(std::string_view(text).substr(prefix.size()));
    return Secret(std::move(text));
}

bool has_valid_checksum(std::string_view token) {
    if (!token.starts_with(key_prefix)) return false;
    token.remove_prefix(key_prefix.size());
    return token.size() == random_length + checksum_length && token.substr(random_length) == checksum_of(token.substr(0, random_length));
}

std::string_view find_key(const KeyPlaces& places) {
    std::string_view bearer;
    if (starts_with_ignoring_case(places.authorization, "bearer ")) bearer = trim(places.authorization.substr(7));
    const std::string_view found[] = {bearer, trim(places.x_api_key), trim(places.x_goog_api_key), trim(places.api_key), places.query_key};
    for (const auto key : found)
        if (key.starts_with(key_prefix)) return key;
    for (const auto key : found)
        if (!key.empty()) return key;
    return {};
}

CallerRef anonymous_caller() {
    static const CallerRef caller = [] {
        auto made = std::make_shared<Caller>();
        made->name = "anonymous";
        made->source = "off";
        return made;
    }();
    return caller;
}

Result<ServerSecret> load_server_secret(const std::string& data_folder) {
    if (::mkdir(data_folder.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(FailureKind::internal, fmt::format("the data folder {} cannot be made ({})", data_folder, std::strerror(errno)));
    const std::string path = data_folder + "/server.key";
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0 && errno != ENOENT) return fail(bad_secret(path, fmt::format("cannot be read ({})", std::strerror(errno))));
    if (file < 0) {
        unsigned char bytes[32];
        fill_random(bytes, sizeof bytes);
        Secret secret(hex({reinterpret_cast<const char*>(bytes), sizeof bytes}));
        explicit_bzero(bytes, sizeof bytes);
        if (auto written = write_private(path, secret.reveal()); !written) return fail(std::move(written.error()));
        return ServerSecret{std::move(secret), true};
    }
    char text[80];
    struct stat info {};
    const auto size = ::read(file, text, sizeof text);
    const bool known = ::fstat(file, &info) == 0;
    ::close(file);
    if (!known || (info.st_mode & 077) != 0)
        return fail(FailureKind::internal, fmt::format("{0} may be read by others (mode {1:o}); run: chmod 600 {0}", path, info.st_mode & 0777));
    const std::string_view digits = trim({text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))});
    const bool good = digits.size() == 64 && std::ranges::all_of(digits, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
    Secret secret{good ? std::string(digits) : std::string()};
    explicit_bzero(text, sizeof text);
    if (!good) return fail(bad_secret(path, "is damaged"));
    return ServerSecret{std::move(secret), false};
}

Status write_first_run_file(const std::string& data_folder, const FirstRun& made) {
    std::string text = "# Made at the first start of this gateway. Keep or delete this file; the values are stored only as hashes.\n";
    if (!made.admin_token.empty()) text.append("admin token: ").append(made.admin_token.reveal()).append("\n");
    if (!made.client_key.empty()) text.append("client key:  ").append(made.client_key.reveal()).append("\n");
    auto written = write_private(data_folder + "/first-run.txt", text);
    explicit_bzero(text.data(), text.size());
    return written;
}

}  // namespace gotthard::identity
