// Lists of allowed system calls: from their text to a filter that the kernel takes. Pure.
//
//   # a comment
//   default: errno EPERM     what the others get: an error, or `kill` for the end by SIGSYS
//   read
//   ?open                    passed over where the processor's table has no such call
//
// Page: service.yaml(5), System calls. The names and numbers are those of <asm/unistd.h>.
#pragma once

#include <linux/filter.h>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace initd {

struct CallRules {
    std::vector<unsigned> allowed;  // numbers, ascending, each once
    int errno_value = 0;            // what other calls get; 0: the process is killed
};

// `file` is the name that Errors carry: "FILE:LINE:1: message". What initd itself needs to start
// the program and to tell why it could not is allowed always: execve, write and exit_group.
base::Result<CallRules> parse_call_rules(std::string_view text, const std::string& file);

// For SECCOMP_SET_MODE_FILTER. Calls of another architecture end the process.
std::vector<struct sock_filter> compile_filter(const CallRules& rules);

}  // namespace initd
