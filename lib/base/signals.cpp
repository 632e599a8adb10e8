#include "signals.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

namespace base {

// sigaction(3) refuses 32 and 33, so the kernel's own call, with its struct of handler (SIG_DFL is
// 0), flags, restorer and mask.
void reset_signals() {
    const std::uint64_t fresh[4] = {};
    for (int signal = 1; signal < NSIG; ++signal)
        ::syscall(SYS_rt_sigaction, signal, fresh, nullptr, sizeof fresh[3]);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace base
