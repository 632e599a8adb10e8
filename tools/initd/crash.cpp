// Handlers for the signals that a fault of PID 1's own raises.
#include "crash.h"

#include <sys/mman.h>
#include <sys/reboot.h>
#include <ucontext.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <initializer_list>

#include "machine.h"

// The linker's name for the start of the file in memory.
extern "C" const char __ehdr_start[] __attribute__((visibility("hidden")));

namespace initd {

namespace {

constexpr std::size_t kStackBytes = 64 * 1024;

// What a handler can reach; written once, before any handler is set.
LastWitness* witness_of_crash = nullptr;
volatile std::sig_atomic_t crashes = 0;

// Where the kernel put the program is random; addr2line wants the distance from its start.
std::size_t instruction_of(const void* context) {
    const auto& registers = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
    const auto instruction = static_cast<std::size_t>(registers.gregs[REG_RIP]);
#elif defined(__aarch64__)
    const auto instruction = static_cast<std::size_t>(registers.pc);
#endif
    return instruction - reinterpret_cast<std::size_t>(__ehdr_start);
}

[[noreturn]] void end_at_once(int signal) {
    if (in_container()) ::_exit(128 + signal);
    // What was sent lies in queues of the kernel, which a reset empties: a moment for the devices.
    constexpr struct timespec kMoment { 1, 0 };
    ::nanosleep(&kMoment, nullptr);
    ::reboot(RB_AUTOBOOT);
    ::_exit(128 + signal);
}

void on_crash(int signal, siginfo_t* info, void* context) {
    // Sent by someone else it is no fault of ours, and ignored as every signal without a meaning.
    if (info->si_code <= 0 && info->si_pid != ::getpid()) return;
    if (::getpid() != 1) ::_exit(128 + signal);  // a child on its way to its program
    const int before = crashes;
    crashes = before + 1;
    if (before < 2) {
        witness_of_crash->tell_crash(signal, info->si_addr, instruction_of(context), before > 0);
    }
    end_at_once(signal);
}

}  // namespace

void watch_for_crashes(LastWitness& witness) {
    witness_of_crash = &witness;
    stack_t stack{};
    stack.ss_size = kStackBytes;
    stack.ss_sp = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    const bool own_stack = stack.ss_sp != MAP_FAILED && ::sigaltstack(&stack, nullptr) == 0;
    struct sigaction action {};
    action.sa_sigaction = on_crash;
    // A crash in the handler is handled as well, on the same stack.
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART | (own_stack ? SA_ONSTACK : 0);
    ::sigemptyset(&action.sa_mask);
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS})
        ::sigaction(signal, &action, nullptr);
}

}  // namespace initd
