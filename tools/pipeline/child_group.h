// A cgroup v2 for one program and all it starts, so that all of it can be found and killed at once,
// whatever sessions and parents it hides in. Without a mount, without the right to write there, or
// on a kernel that lacks cgroup.kill, there is none and sessions are killed instead.
//
// A group is used for one program only: since Linux 6.14 nobody is born into a group that was
// killed.
#pragma once

#include <sys/types.h>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace pipeline {

class ChildGroup {
  public:
    // Below this process's own group.
    static std::optional<ChildGroup> make(std::string_view name);
    ChildGroup(ChildGroup&&) noexcept = default;
    ChildGroup& operator=(ChildGroup&&) = delete;
    // Removes the group when nobody is left in it.
    ~ChildGroup();

    const std::string& folder() const { return folder_; }
    int fd() const { return fd_.get(); }
    // False when it could not.
    bool kill() const;
    bool is_empty() const;
    // Lets a user divide it, and moves this process into it, which is about to become that user:
    // what the user may not enter from outside, it may from within.
    bool settle_as(uid_t user, gid_t group) const;

  private:
    ChildGroup(std::string folder, base::Fd fd) : folder_(std::move(folder)), fd_(std::move(fd)) {}
    std::string folder_;
    base::Fd fd_;
};

// The folder of this process's own group, or "". `mounts` and `groups` are the texts of
// /proc/self/mountinfo and /proc/self/cgroup.
std::string own_group_folder(std::string_view mounts, std::string_view groups);
std::string own_group_folder();

// SIGKILL to all in the group whose folder is open there; false when it could not.
bool kill_group(int folder);

}  // namespace pipeline
