// What one look at the module's time says about the kernel's clock. Pure: times in, a verdict out.
#pragma once

#include <chrono>

namespace nsm_tool {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Times since 1970. The module wrote `module` down at some moment of the call, at the end of which
// the kernel's clock said `kernel`.
struct Reading {
    milliseconds module;
    nanoseconds kernel;
    nanoseconds took;
};

struct Verdict {
    enum class Kind { in_step, slew, step, refused } kind;
    nanoseconds change{};  // to be added to the kernel's clock
};

// A module whose time is before `floor`, the latest it ever told, is refused: time does not go
// back. A clock behind the floor is stepped whatever the distance; one that is out of step by
// less than `step_from` is slewed. Whole seconds are taken as a module that tells nothing finer,
// as QEMU's.
Verdict judge(const Reading& reading, milliseconds floor, milliseconds step_from);

}  // namespace nsm_tool
