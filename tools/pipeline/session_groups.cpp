// Kernel page: admin-guide/cgroup-v2.
#include "session_groups.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/fd.h"
#include "base/format.h"
#include "child_group.h"

namespace pipeline {

namespace {

// After that only a job, or a process stuck in the kernel, holds a group; it is looked at again
// when the next session has ended.
constexpr int kTries = 20;
constexpr std::size_t kMaximumKept = 1024;

std::string session_group_name(pid_t session) {
    return fmt::format("session-{}", session);
}

std::vector<std::string> groups_in(const std::string& folder, const std::string& prefix) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), ::closedir);
    if (entries == nullptr) return names;
    while (const dirent* entry = ::readdir(entries.get())) {
        if (std::string_view(entry->d_name).starts_with(prefix)) {
            names.push_back(folder + "/" + entry->d_name);
        }
    }
    return names;
}

bool remove_group(const std::string& folder) {
    return ::rmdir(folder.c_str()) == 0 || errno == ENOENT;
}

bool end_commands(const std::string& folder, const std::string& prefix) {
    bool gone = true;
    for (const std::string& group : groups_in(folder, prefix)) {
        const base::Fd folder_fd(::open(group.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (folder_fd.valid()) (void)kill_group(folder_fd.get());
        gone = remove_group(group) && gone;
    }
    return gone;
}

}  // namespace

std::string command_group_name(pid_t session, std::uint16_t stream) {
    return fmt::format("command-{}-{}", session, stream);
}

void enter_session_group(const base::Account& account) {
    std::optional<ChildGroup> group = ChildGroup::make(session_group_name(::getpid()));
    // Where that fails the group is removed, and programs are killed by session.
    if (group.has_value()) (void)group->settle_as(account.user, account.group);
}

void SessionGroups::add(pid_t session) {
    for (Ended& one : ended_)
        one.tries = 0;
    if (ended_.size() < kMaximumKept) ended_.push_back({session, 0});
}

void SessionGroups::forget(pid_t session) {
    std::erase_if(ended_, [session](const Ended& one) { return one.session == session; });
}

void SessionGroups::sweep() {
    if (!busy()) return;
    const std::string own = own_group_folder();
    std::erase_if(ended_, [&own](Ended& one) {
        if (own.empty()) return true;
        if (one.tries++ >= kTries) return false;
        const std::string group = own + "/" + session_group_name(one.session);
        const std::string prefix = fmt::format("command-{}-", one.session);
        const bool gone = end_commands(own, prefix);
        return end_commands(group, prefix) && gone && remove_group(group);
    });
}

bool SessionGroups::busy() const {
    return std::ranges::any_of(ended_, [](const Ended& one) { return one.tries < kTries; });
}

}  // namespace pipeline
