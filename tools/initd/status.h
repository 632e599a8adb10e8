// What the host is told: the status line of the status port, and the one line at the end. Pure.
#pragma once

#include <string>
#include <string_view>

#include "service.h"
#include "settings.h"

namespace initd {

// { "status": "running" } | { "status": "exited", "code": 3 } |
// { "status": "signaled", "signal": 15, "name": "SIGTERM" } | { "status": "fatal", "error": "..." }
// Each with its newline. Page: initd(8), STATUS PORT.
std::string running_line();
std::string ending_line(const Ending& ending, std::string_view service);
std::string fatal_line(std::string_view error);

const char* name_of(EndAction action);

// Why and how the enclave ends.
struct End {
    EndAction action = EndAction::poweroff;
    std::string reason;      // one word: workload-done, critical-failed, no-services, signal, fatal
    std::string service;     // whose ending this is, or empty
    std::string detail;      // for people; may be empty
    int status = 0;          // exit status of PID 1 in a container
    std::string final_line;  // of the status port
};

// "initd: end reason=critical-failed action=poweroff status=42 service=web detail=\"...\""
std::string end_line(const End& end);

}  // namespace initd
