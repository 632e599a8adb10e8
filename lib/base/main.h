// The one shape of main: parse, answer --help and --version, run, print the Error, return a code.
#pragma once

#include <functional>

#include "base/options.h"
#include "base/result.h"

namespace base {

inline constexpr const char* kVersion = "0.1.0";

// `run` returns the exit code or an Error, which is printed as "TOOL: message" and, when it has
// one, "TOOL: hint: ...". SIGPIPE is ignored: writers see EPIPE. Descriptors 0 to 2 are open
// when `run` starts.
int tool_main(const Tool& tool, int argc, char** argv,
              const std::function<Result<int>(const Arguments&)>& run) noexcept;

// Tells whoever started the tool that it is ready: writes a newline to the descriptor named by
// the option's text and closes it. An empty text does nothing.
Result<void> announce_ready(std::string_view descriptor);

// Writes text to standard output; a reader that went away ends the tool quietly (Error with
// code done and no message is never printed).
Result<void> print(std::string_view text);

}  // namespace base
