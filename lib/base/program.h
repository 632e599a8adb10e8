// Starting programs: what execve(2) wants, and processes that are born in a cgroup. Makes no
// decision about what a program begins with.
#pragma once

#include <sys/types.h>
#include <string>
#include <string_view>
#include <vector>

namespace base {

inline constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The paths to try in order: the program itself when it holds a slash, else each folder of the
// environment's PATH, or of kDefaultPath, with it.
std::vector<std::string> program_paths(const std::string& program,
                                       const std::vector<std::string>& environment);

// Pointers to the texts, and a null behind them. Borrows the texts.
std::vector<char*> pointers_to(std::vector<std::string>& texts);

// Tries the paths one after the other. Returns only on failure, with the errno that says most: a
// file that is there but cannot be executed says more than the places where there is none. Makes
// system calls only, so that it may stand between fork and exec.
int execute(const std::vector<std::string>& paths, char* const* arguments,
            char* const* environment);

// As fork(2), with the child within the cgroup whose folder is open as `group` (Linux 5.7). To move
// it there later would cost it milliseconds: the kernel first waits until no process anywhere is
// being forked.
pid_t fork_into(int group);
// Moves this process there; system calls only.
bool enter_group(int group);

}  // namespace base
