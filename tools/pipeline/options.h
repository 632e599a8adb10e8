// pipeline's command line.
#pragma once

#include "base/options.h"

namespace pipeline {

extern const base::Tool kTool;

// Where servers listen and clients connect when only a CID is given.
inline constexpr unsigned kDefaultPort = 53000;

}  // namespace pipeline
