// reboot(2), and what comes before it.
#include "ending.h"

#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "mounts.h"

namespace initd {

namespace {

constexpr std::chrono::milliseconds kConsolePatience{1'000};

// An enclave has no power button that Linux could press: RB_POWER_OFF would halt and leave the
// machine there for ever. A reset is what Nitro and QEMU's -no-reboot take as the end.
int command_for(EndAction action, PoweroffBy poweroff_by) {
    if (action == EndAction::halt) return static_cast<int>(RB_HALT_SYSTEM);
    if (action == EndAction::reboot || poweroff_by == PoweroffBy::reset) return RB_AUTOBOOT;
    return RB_POWER_OFF;
}

void kill_and_reap_all() {
    ::kill(-1, SIGKILL);
    // Bounded: each turn reaps all that are dead, and a process that cannot die is left behind.
    constexpr int kTurns = 100;
    for (int turn = 0; turn < kTurns; ++turn) {
        pid_t pid;
        while ((pid = ::waitpid(-1, nullptr, WNOHANG)) > 0)
            continue;
        if (pid < 0 && errno != EINTR) return;
        ::usleep(10'000);
    }
}

}  // namespace

void end_machine(const End& end, const SystemSettings& settings, bool container, Journal& journal) {
    kill_and_reap_all();
    ::sync();
    journal.console().flush_within(kConsolePatience);
    if (container) ::_exit(end.status);
    unmount_all(journal);
    ::sync();
    journal.console().flush_within(kConsolePatience);
    ::reboot(command_for(end.action, settings.poweroff_by));
    // Not allowed, or a halt that returns: PID 1 stays, as its exit would be a kernel panic.
    journal.error("reboot: {}", std::strerror(errno));
    journal.console().flush_within(kConsolePatience);
    while (true)
        ::pause();
}

}  // namespace initd
