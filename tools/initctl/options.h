// What the command line of initctl may say.
#pragma once

#include "base/options.h"

namespace initctl {

extern const base::Tool kTool;

}  // namespace initctl
