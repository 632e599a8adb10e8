// The last act: kill, reap, sync, unmount, and end the machine or the PID namespace.
#pragma once

#include "boot.h"
#include "journal.h"
#include "status.h"

namespace initd {

// Does not return. In a container it exits with end.status.
[[noreturn]] void end_machine(const End& end, const SystemSettings& settings, bool container,
                              Journal& journal);

}  // namespace initd
