// The option table of nsm(1).
#pragma once

#include "base/options.h"

namespace nsm_tool {

extern const base::Tool kTool;

}  // namespace nsm_tool
