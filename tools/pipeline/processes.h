// What runs on this system as /proc shows it, for finding what a program left behind.
#pragma once

#include <sys/types.h>
#include <optional>
#include <string_view>
#include <vector>

namespace pipeline {

struct Process {
    pid_t pid = 0;
    pid_t parent = 0;
    pid_t session = 0;
    char state = '?';  // as in proc(5); Z for a zombie
};

// The text of /proc/PID/stat. The name in it is the program's own choice and may hold anything.
std::optional<Process> parse_stat(std::string_view text);

// All that /proc shows to this user.
std::vector<Process> list_processes();

// The children of `root`, their children and so on, without those below one of `spared`.
std::vector<pid_t> descendants(const std::vector<Process>& all, pid_t root,
                               const std::vector<pid_t>& spared);

// SIGKILL to all of a session, again and again until a look finds nobody.
void kill_session(pid_t session);

// SIGKILL to all that this process has started and that orphans handed to it (see
// become_subreaper()), without those below one of `spared`, and takes their ends. For the end of a
// session; a Child that lives then must be among the spared.
void kill_descendants(const std::vector<pid_t>& spared);

// Orphans of what this process starts become its children instead of the enclave's.
bool become_subreaper();

// Takes the ends of orphans. `spared` are children whose ends somebody waits for.
void reap_orphans(const std::vector<pid_t>& spared);

}  // namespace pipeline
