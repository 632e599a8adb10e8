// initctl's command line.
#include "options.h"

namespace initctl {

namespace {

constexpr base::Option kToolOptions[] = {
    {'s', "socket", "PATH", "/run/initd.sock", "Talk to the initd that listens at PATH"},
    {'r', "remote", "ADDRESS", "", "Talk to the initd of the enclave at ADDRESS, over pipeline"},
    {'o', "remote-option", "OPTION", "", "Give pipeline its long option OPTION, as in pcrs=FILE"},
    {'t', "timeout", "TIME", "10s", "Wait for an answer for at most TIME"},
};

constexpr base::Option kFacts[] = {
    {'j', "json", "", "", "Print JSON"},
};

constexpr base::Option kProcesses[] = {
    {'j', "json", "", "", "Print JSON"},
    {'w', "wait", "", "", "Wait for the program and exit as it does"},
    {'n', "name", "NAME", "", "Name of the service that stands for the program"},
    {'u', "user", "USER", "", "Run as USER instead of root"},
    {'e', "env", "KEY=VALUE", "", "Set a variable of the program"},
    {'c', "cwd", "DIR", "", "Run in DIR instead of /"},
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
    {"reload", "", "Read the configuration anew and change what differs", kFacts},
    {"logs", "[NAME]", "Show the log of a service, or of all with initd's own", kLogs},
    {"events", "", "Show changes of services as they happen", kFacts},
    {"tree", "", "Show which service waits for which", kFacts},
    {"ps", "[PID] | run -- PROGRAM [ARGUMENT...]",
     "Show processes and the services they belong to, or run a program once", kProcesses},
    {"signal", "PID SIGNAL", "Send a signal, by name or number, to a process", {}},
    {"system", "status | reload | poweroff | reboot | halt",
     "Show the enclave's state, reload, or end it", kFacts},
    {"ping", "", "Succeed if initd answers", kPing},
};

}  // namespace

constinit const base::Tool kTool = {"initctl", "", "Control the services of this enclave's PID 1.",
                                    kToolOptions, kCommands};

}  // namespace initctl
