// `initd --check DIR`: what PID 1 would refuse, found on the build host.
#pragma once

#include <string>

#include "base/result.h"

namespace initd {

// DIR is a root file system (it has etc/enclavebox) or a configuration folder itself. Prints
// problems and warnings to standard error, one line to standard output when all is well.
// Returns the exit code.
base::Result<int> check(const std::string& folder);

}  // namespace initd
