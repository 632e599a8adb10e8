// The boot sequence, in order, up to the services. Page: initd(8), BOOT.
#pragma once

#include <optional>

#include "cgroup.h"
#include "journal.h"
#include "load.h"
#include "status.h"

namespace initd {

struct Booted {
    SystemSettings settings;
    LoadedServices loaded;
    Cgroups cgroups;
    ResourceLimit descriptors;  // what services inherit; PID 1 itself has raised its own
    bool container = false;
    std::optional<End> fatal;  // the boot cannot go on: say why, then end
};

// Returns even when the boot failed; `journal` then has said more.
Booted boot(Journal& journal);

}  // namespace initd
