// initctl's command line.
#include "options.h"

namespace initctl {

namespace {

constexpr base::Option kToolOptions[] = {
    {'s', "socket", "PATH", "/run/initd.sock", "Talk to the initd that listens at PATH"},
    {'t', "timeout", "TIME", "10s", "Wait for an answer for at most TIME"},
};

constexpr base::Option kFacts[] = {
    {'j', "json", "", "", "Print JSON"},
};

constexpr base::Option kLogs[] = {
    {'f', "follow", "", "", "Go on with what comes"},
    {'n', "lines", "N", "", "Begin with the last N lines instead of all that are kept"},
    {'j', "json", "", "", "Print JSON"},
};

constexpr base::Option kPing[] = {
    {'c', "count", "N", "1", "Ask N times and print how long the answers took"},
    {'i', "interval", "TIME", "10ms", "Wait for TIME between two questions"},
};

constexpr base::Command kCommands[] = {
    {"list", "", "Show all services", kFacts},
    {"status", "NAME...", "Show all that is known of services", kFacts},
    {"start", "NAME...", "Start services and what they require; wait until they are ready", {}},
    {"stop", "NAME...", "Stop what requires the services, and them; wait until they are down", {}},
    {"restart", "NAME...", "Stop and start again; wait until they are ready", {}},
    {"enable", "NAME...", "Undo a disable, and start", {}},
    {"disable", "NAME...", "Stop, and let nothing start the services until enabled", {}},
    {"logs", "[NAME]", "Show the log of a service, or of all with initd's own", kLogs},
    {"events", "", "Show changes of services as they happen", kFacts},
    {"tree", "", "Show which service waits for which", kFacts},
    {"ps", "[PID]", "Show processes and the services they belong to", kFacts},
    {"signal", "PID SIGNAL", "Send a signal, by name or number, to a process", {}},
    {"system", "status | poweroff | reboot | halt", "Show the enclave's state, or end it", kFacts},
    {"ping", "", "Succeed if initd answers", kPing},
};

}  // namespace

constinit const base::Tool kTool = {"initctl", "", "Control the services of this enclave's PID 1.",
                                    kToolOptions, kCommands};

}  // namespace initctl
