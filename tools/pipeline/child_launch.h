// From fork to exec, for child.cpp alone: everything the program begins with is laid out before, so
// that the new process only makes system calls.
#pragma once

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "child.h"

namespace pipeline {

// What the program gets as 0, 1 and 2. With `terminal` the first becomes its controlling terminal.
struct ChildDescriptors {
    int input;
    int output;
    int errors;
    bool terminal;
};

// Returns the pid when the program runs. When it cannot, its process is gone and the Error is that
// of Child::start().
base::Result<pid_t> launch_child(const ChildSettings& settings, const ChildDescriptors& given);

}  // namespace pipeline
