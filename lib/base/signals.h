// What a process hands on to the program it becomes.
#pragma once

namespace base {

// All signals unblocked and in their default disposition: for a child between fork and exec. Also
// those two that the C library keeps to itself, which can be inherited as ignored all the same.
// Allocates nothing and is async-signal-safe.
void reset_signals();

}  // namespace base
