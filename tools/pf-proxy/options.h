// The command line of pf-proxy: a command for each mode. Manual: pf-proxy(1).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/options.h"

namespace pf_proxy {

extern const base::Tool kTool;

// The words of a command line with the mode in front when the program's own name says it: a link
// to pf-proxy by the name of a mode is that mode.
std::vector<char*> words_with_mode(std::span<char* const> argv);

}  // namespace pf_proxy
