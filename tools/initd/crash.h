// The end of a PID 1 that crashed: instead of the kernel's panic, which tells nobody why, the state
// is told first. Page: initd(8), POST-MORTEM.
#pragma once

#include <cstddef>

namespace initd {

// Told from within a signal handler, perhaps with the heap in disorder: it neither allocates nor
// waits for anyone. `instruction` counts from the start of the program's file. A crash in here
// calls it again with `plainly`, another one ends PID 1.
class LastWitness {
  public:
    virtual ~LastWitness() = default;
    virtual void tell_crash(int signal, const void* address, std::size_t instruction,
                            bool plainly) = 0;
};

// From now on; the witness lives until the end. Then PID 1 of a container exits with 128 + signal,
// any other resets the machine.
void watch_for_crashes(LastWitness& witness);

}  // namespace initd
