// /proc/PID/stat, cmdline and cgroup.
#include "processes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace initd {

namespace {

std::string_view read_of(int proc_folder, pid_t pid, const char* file, std::span<char> to) {
    std::array<char, 64> path{};
    fmt::format_to_n(path.data(), path.size() - 1, "{}/{}", pid, file);
    return read_small(proc_folder, path.data(), to);
}

// The next word of a line of numbers; text that is no number gives 0.
std::uint64_t next_number(std::string_view& rest) {
    std::uint64_t number = 0;
    const std::size_t end = std::min(rest.find(' '), rest.size());
    for (const char digit : rest.substr(0, end)) {
        if (digit >= '0' && digit <= '9') number = number * 10 + static_cast<unsigned>(digit - '0');
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return number;
}

// "PID (NAME) STATE PARENT GROUP SESSION ...": the name may hold anything, so its end is the last
// parenthesis.
bool take_stat(std::string_view stat, ProcessFacts& facts) {
    const std::size_t open = stat.find('(');
    const std::size_t close = stat.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open ||
        close + 4 > stat.size()) {
        return false;
    }
    facts.name.fill('\0');
    stat.substr(open + 1, close - open - 1).copy(facts.name.data(), facts.name.size() - 1);
    facts.state = stat[close + 2];
    std::string_view rest = stat.substr(close + 4);
    facts.parent = static_cast<pid_t>(next_number(rest));
    next_number(rest);  // process group
    facts.session = static_cast<pid_t>(next_number(rest));
    constexpr int kBetweenSessionAndPages = 17;
    for (int skipped = 0; skipped < kBetweenSessionAndPages; ++skipped)
        next_number(rest);
    facts.resident_bytes = next_number(rest) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return true;
}

}  // namespace

std::string_view read_small(int folder, const char* path, std::span<char> to) {
    const base::Fd fd(::openat(folder, path, O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return {};
    ssize_t count;
    do {
        count = ::read(fd.get(), to.data(), to.size());
    } while (count < 0 && errno == EINTR);
    return {to.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

bool read_process(int proc_folder, pid_t pid, ProcessFacts& facts) {
    std::array<char, 512> text;
    facts.pid = pid;
    if (!take_stat(read_of(proc_folder, pid, "stat", text), facts)) return false;

    std::array<char, 16> folder{};
    fmt::format_to_n(folder.data(), folder.size() - 1, "{}", pid);
    struct stat owner {};
    facts.user_id = ::fstatat(proc_folder, folder.data(), &owner, 0) == 0 ? owner.st_uid : 0;

    std::string_view command = read_of(proc_folder, pid, "cmdline", facts.command);
    while (!command.empty() && command.back() == '\0')
        command.remove_suffix(1);
    facts.command_bytes = command.size();
    std::replace(facts.command.begin(),
                 facts.command.begin() + static_cast<std::ptrdiff_t>(command.size()), '\0', ' ');

    std::string_view group = read_of(proc_folder, pid, "cgroup", text);
    const std::size_t unified = group.find("0::");
    group.remove_prefix(unified == std::string_view::npos ? group.size() : unified + 3);
    group = group.substr(0, group.find('\n'));
    facts.group_bytes = group.copy(facts.group.data(), facts.group.size());
    return true;
}

bool is_in_group_of(const ProcessFacts& facts, std::string_view service) {
    constexpr std::string_view kSuffix = ".service";
    std::string_view rest = facts.group_text();
    while (!rest.empty()) {
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        const std::string_view part = rest.substr(0, slash);
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        if (part.size() == service.size() + kSuffix.size() && part.starts_with(service) &&
            part.ends_with(kSuffix)) {
            return true;
        }
    }
    return false;
}

}  // namespace initd
