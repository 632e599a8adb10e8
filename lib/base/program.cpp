// Search by PATH, exec, and cgroups at birth.
#include "base/program.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

#include "base/text.h"

namespace base {

std::vector<std::string> program_paths(const std::string& program,
                                       const std::vector<std::string>& environment) {
    if (program.find('/') != std::string::npos) return {program};
    std::string_view path = kDefaultPath;
    for (const std::string& variable : environment) {
        if (variable.starts_with("PATH=")) path = std::string_view(variable).substr(5);
    }
    std::vector<std::string> candidates;
    for (const std::string_view folder : split(path, ':')) {
        if (!folder.empty()) candidates.push_back(std::string(folder) + "/" + program);
    }
    if (candidates.empty()) candidates.push_back(program);
    return candidates;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts)
        pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

int execute(const std::vector<std::string>& paths, char* const* arguments,
            char* const* environment) {
    int telling = ENOENT;
    for (const std::string& path : paths) {
        ::execve(path.c_str(), arguments, environment);
        if (errno != ENOENT && errno != ENOTDIR) telling = errno;
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) break;
    }
    return telling;
}

pid_t fork_into(int group) {
    struct clone_args arguments {};
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = static_cast<std::uint64_t>(group);
    return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

bool enter_group(int group) {
    const int procs = ::openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    return procs >= 0 && ::write(procs, "0", 1) == 1;
}

}  // namespace base
