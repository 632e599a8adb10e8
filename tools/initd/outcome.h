// From how services ended to words: for the log, the status port and the end line. Pure.
#pragma once

#include <array>

#include "boot.h"
#include "status.h"
#include "supervisor.h"

namespace initd {

// "exited with code 3", "was killed by SIGKILL", "cannot exec '/x': No such file or directory
// (step exec)". NUL-terminated, without allocation.
std::array<char, 192> describe(const Ending& ending, const LoadedService& service);

// The end that an outcome of the workload calls for.
End end_for(const Outcome& outcome, const Supervisor& supervisor, const Booted& booted);

}  // namespace initd
