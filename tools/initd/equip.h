// From a service's settings to what it runs and how it is watched.
#pragma once

#include "boot.h"
#include "journal.h"
#include "unit.h"

namespace initd {

// Makes the cgroup and the notification socket and lays the programs out; `common` are the
// variables of initd.yaml. A service that cannot or may not run gets none. What could not be made
// is logged; the service does without. With `only_plan` nothing is touched yet, and make_real() has
// to be called before a start.
Equipment equip(const LoadedService& service, const Booted& booted, const Environment& common,
                bool only_plan, Journal& journal);

// The service may have run with `old_limits`, and `unit` has its new equipment.
void make_real(const LoadedService& service, const GroupLimits& old_limits, Unit& unit,
               const Booted& booted, Journal& journal);

}  // namespace initd
