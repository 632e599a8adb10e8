// Signal names and numbers, and how a process ended. Pure tables.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace initd {

// Accepts TERM, SIGTERM, term, RTMIN+3 and a number in 1..64.
std::optional<int> signal_number(std::string_view name);
// "SIGTERM", "SIGRTMIN+3"; "SIG70" for what the kernel does not have.
std::string signal_name(int signal);

}  // namespace initd
