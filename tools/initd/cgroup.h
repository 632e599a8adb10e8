// cgroup v2: one group per service, for its limits and for killing all that it started.
//
// Layout: /sys/fs/cgroup/initd holds PID 1, /sys/fs/cgroup/NAME.service one service each. Where
// there is no cgroup v2, or it may not be written, services go without: process groups are used
// to kill, and limits are reported as not applied.
#pragma once

#include <sys/types.h>
#include <string>

#include "base/result.h"
#include "journal.h"
#include "settings.h"

namespace initd {

class Cgroups {
  public:
    // Mounts, moves PID 1 into its own group and enables the controllers there are.
    void set_up(Journal& journal);

    // Removes what an earlier service of that name may have left. False when it cannot.
    bool clear(const std::string& service) const;
    // Makes the group of a service and sets its limits; returns its folder, or "" when there are
    // no groups. Limits that cannot be set are reported.
    std::string make(const ServiceSettings& settings, Journal& journal) const;

    // Where make() puts a service's group; "" when there are no groups.
    std::string folder_of(const std::string& service) const;
    // The limits that a group had, replaced by those of the settings.
    void change(const ServiceSettings& settings, const GroupLimits& old, Journal& journal) const;

  private:
    bool usable_ = false;
};

// Makes a group below one that make() made. False when it cannot.
bool make_group(const std::string& folder);

// Removes a service's group and those below it, as far as they are empty. Allocates nothing.
void remove_cgroup(const std::string& folder);

// SIGKILL to all in the group and below, whatever they forked meanwhile.
enum class GroupKill {
    impossible,  // there is no group, or the kernel cannot
    empty,       // there was nobody
    done,
};
GroupKill kill_cgroup(const std::string& folder);

}  // namespace initd
