// What a reload means for one service: the old settings against the new. Pure.
//
// Whatever its program was started with needs a new start: command, variables, user, rights,
// folder, resource limits, how it gets ready, health checks. What only tells initd how to treat it
// holds at once: order, restart policy, back-off, start limit, stop rule, ready time-out, critical,
// sidecar, cgroup limits, console. Page: service.yaml(5), RELOAD.
#pragma once

#include <string>
#include <vector>

#include "load.h"

namespace initd {

enum class Change {
    kept,
    updated,    // holds at once, the process is not touched
    restarted,  // as far as it ran
    added,
    removed,
};
const char* name_of(Change change);

// `old_common` and `new_common` are the variables of initd.yaml.
Change compare(const LoadedService& old_one, const Environment& old_common,
               const LoadedService& new_one, const Environment& new_common);

// Keys of initd.yaml that differ and hold only from the next boot.
std::vector<std::string> keys_for_next_boot(const SystemSettings& old_one,
                                            const SystemSettings& new_one);

}  // namespace initd
