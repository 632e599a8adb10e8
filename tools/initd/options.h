// The option table of initd(8), for when it is not PID 1.
#pragma once

#include "base/options.h"

namespace initd {

extern const base::Tool kTool;

}  // namespace initd
