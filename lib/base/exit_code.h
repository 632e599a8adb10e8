// Exit codes of every tool, after sysexits(3). The page for people is enclavebox(7).
#pragma once

namespace base {

enum class ExitCode : int {
    done = 0,
    no = 1,            // the answer is no: measurements differ, evidence rejected
    usage = 64,        // wrong options or operands
    data = 65,         // malformed input data
    no_input = 66,     // an input file is missing or unreadable
    unavailable = 69,  // the peer does not answer
    internal = 70,     // a bug of ours
    os = 71,           // the system refused something it should grant
    io = 74,           // reading or writing failed
    temporary = 75,    // try again later
    protocol = 76,     // the peer broke the protocol
    refused = 77,      // refused by policy, permission or key
    config = 78,       // a configuration file is wrong
    cannot_exec = 126,
    not_found = 127,
};

}  // namespace base
