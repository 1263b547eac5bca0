#include "telemetry/process_facts.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/text.hpp"

namespace gotthard::telemetry {
namespace {

std::string read_file(const char* path) {
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return {};
    std::string text(8192, '\0');
    const auto size = ::read(file, text.data(), text.size());
    ::close(file);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return text;
}

double boot_seconds() {
    const std::string text = read_file("/proc/stat");
    const auto at = text.find("btime ");
    if (at == std::string::npos) return 0;
    const auto line = std::string_view(text).substr(at + 6);
    return static_cast<double>(parse_integer<std::int64_t>(line.substr(0, line.find('\n'))).value_or(0));
}

std::int64_t count_descriptors() {
    DIR* folder = ::opendir("/proc/self/fd");
    if (folder == nullptr) return 0;
    std::int64_t count = -3;  // ".", ".." and the folder itself
    while (::readdir(folder) != nullptr) ++count;
    ::closedir(folder);
    return count;
}

}  // namespace

ProcessFacts read_process_facts() {
    ProcessFacts facts;
    const std::string stat = read_file("/proc/self/stat");
    // Fields are numbered from 3 behind the program's name, which may hold anything.
    const auto name_end = stat.rfind(')');
    if (name_end != std::string::npos) {
        const auto fields = split_list(std::string_view(stat).substr(name_end + 1), ' ');
        const auto field = [&](std::size_t number) { return number - 3 < fields.size() ? parse_integer<std::int64_t>(fields[number - 3]).value_or(0) : 0; };
        const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
        facts.cpu_seconds = static_cast<double>(field(14) + field(15)) / ticks;
        facts.threads = field(20);
        facts.start_seconds = boot_seconds() + static_cast<double>(field(22)) / ticks;
        facts.virtual_bytes = field(23);
        facts.resident_bytes = field(24) * ::sysconf(_SC_PAGESIZE);
    }
    facts.open_descriptors = count_descriptors();
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.most_descriptors = static_cast<std::int64_t>(limit.rlim_cur);
    return facts;
}

}  // namespace gotthard::telemetry
