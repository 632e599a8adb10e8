// The kernel's clock at boot: not behind the time that the NSM puts into its documents, as that
// is a time that has been. Steps forward only; nsm(1) clock looks after it later. Page: initd(8).
#pragma once

#include <chrono>

#include "journal.h"

namespace initd {

// What PID 1 leaves for nsm(1) clock: the floor in milliseconds since 1970, a decimal line.
inline constexpr const char* kFloorPath = "/run/clock-floor";

// Asks the NSM once and steps the clock if it is behind. Returns the module's time.
base::Result<std::chrono::milliseconds> raise_clock(Journal& journal);

base::Result<void> leave_floor(std::chrono::milliseconds floor);

}  // namespace initd
