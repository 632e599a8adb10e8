// Makes system calls of PID 1 fail, one after another, while everything else goes on: a tracer for
// the scenarios, not part of any tool.
//
//   inject [--log FILE] [--fail CALL:ERROR:FROM[:TO]]... -- COMMAND...
//   inject --errors CALL
//
// COMMAND leads, through any number of forks, to a program called init with process id 1 in a
// namespace of its own. From its marked line on (it names itself by prctl) its calls are counted,
// and the FROM-th to TO-th CALL are not made (close is) but return ERROR. FILE gets each call's
// name and count at the end. Calls whose failure the kernel's interface does not know are counted
// only.
// `--errors` prints what else may be asked of CALL. Exits as COMMAND does; 77 where tracing is
// closed.
#include <elf.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "calls.h"

namespace {

struct Failure {
    const Call* call = nullptr;
    int error = 0;
    unsigned long from = 0;
    unsigned long to = 0;
};

struct Orders {
    std::vector<Failure> failures;
    std::string log;
    char** command = nullptr;
};

[[noreturn]] void die(const char* what) {
    std::fprintf(stderr, "inject: %s: %s\n", what, std::strerror(errno));
    std::_Exit(99);
}

const Call* call_named(std::string_view name) {
    const auto* found = std::find_if(std::begin(kCalls), std::end(kCalls),
                                     [&](const Call& call) { return call.name == name; });
    return found == std::end(kCalls) ? nullptr : found;
}

const Call* call_numbered(std::uint64_t number) {
    const auto* found = std::find_if(std::begin(kCalls), std::end(kCalls), [&](const Call& call) {
        return static_cast<std::uint64_t>(call.number) == number;
    });
    return found == std::end(kCalls) ? nullptr : found;
}

std::optional<Failure> parse_failure(std::string_view text) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t colon = text.find(':');
        parts.push_back(text.substr(0, colon));
        if (colon == std::string_view::npos) break;
        text.remove_prefix(colon + 1);
    }
    if (parts.size() < 3 || parts.size() > 4) return std::nullopt;
    const auto number = [](std::string_view digits) {
        unsigned long value = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), value);
        return value;
    };
    Failure failure;
    failure.call = call_named(parts[0]);
    for (const ErrorName& error : kErrors) {
        if (error.name == parts[1]) failure.error = error.number;
    }
    failure.from = number(parts[2]);
    failure.to = parts.size() == 4 ? number(parts[3]) : failure.from;
    if (failure.call == nullptr || failure.error == 0 || failure.from == 0) return std::nullopt;
    return failure;
}

using Registers = struct user_regs_struct;

Registers read_registers(pid_t pid) {
    Registers registers{};
    struct iovec piece {
        &registers, sizeof registers
    };
    if (::ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &piece) != 0) die("read registers");
    return registers;
}

void write_registers(pid_t pid, Registers registers) {
    struct iovec piece {
        &registers, sizeof registers
    };
    if (::ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &piece) != 0) die("write registers");
}

#if defined(__x86_64__)
auto& first_argument(Registers& registers) {
    return registers.rdi;
}
auto& result(Registers& registers) {
    return registers.rax;
}
// The program may go on to use what it had there.
void restore_argument(Registers& registers, unsigned long long value) {
    registers.rdi = value;
}
#else
auto& first_argument(Registers& registers) {
    return registers.regs[0];
}
auto& result(Registers& registers) {
    return registers.regs[0];
}
void restore_argument(Registers&, unsigned long long) {}  // the result stands there
#endif

// The call that is about to be made is replaced by one that does nothing.
void withhold(pid_t pid) {
#if defined(__x86_64__)
    Registers registers = read_registers(pid);
    registers.orig_rax = ~0ULL;
    write_registers(pid, registers);
#else
    int number = -1;
    struct iovec piece {
        &number, sizeof number
    };
    if (::ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &piece) != 0) die("write registers");
#endif
}

// A program called init that is process 1 of a namespace.
bool is_init(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    bool named = false;
    for (std::string line; std::getline(status, line);) {
        if (line == "Name:\tinit") named = true;
        if (line.starts_with("NSpid:")) return named && line.ends_with("\t1");
    }
    return false;
}

class Tracer {
  public:
    explicit Tracer(const Orders& orders) : orders_(orders) {}

    // Until the first process ends; returns its status as a shell tells it.
    int follow(pid_t first) {
        while (true) {
            int status = 0;
            const pid_t pid = ::waitpid(-1, &status, __WALL);
            if (pid < 0 && errno == EINTR) continue;
            if (pid < 0) die("wait");
            if (WIFSTOPPED(status)) {
                on_stop(pid, status);
            } else if (pid == first) {
                write_log();
                return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            }
        }
    }

  private:
    void on_stop(pid_t pid, int status) {
        const int signal = WSTOPSIG(status);
        const int event = status >> 16;
        long deliver = 0;
        if (pid == init_ && signal == (SIGTRAP | 0x80)) {
            on_call();
        } else if (event == PTRACE_EVENT_EXEC && init_ == 0 && is_init(pid)) {
            init_ = pid;
            // Its children are not followed: they are none of ours.
            ::ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
        } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
            ::ptrace(PTRACE_LISTEN, pid, nullptr, nullptr);
            return;
        } else if (event == 0) {
            deliver = signal;
        }
        ::ptrace(pid == init_ ? PTRACE_SYSCALL : PTRACE_CONT, pid, nullptr, deliver);
    }

    void on_call() {
        struct __ptrace_syscall_info info {};
        if (::ptrace(PTRACE_GET_SYSCALL_INFO, init_, sizeof info, &info) <= 0) return;
        if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
            if (failing_ != nullptr) {
                Registers registers = read_registers(init_);
                if (failing_->call->number == SYS_brk)
                    restore_argument(registers, kept_argument_);
                else
                    result(registers) =
                        static_cast<unsigned long long>(-static_cast<long long>(failing_->error));
                write_registers(init_, registers);
            }
            failing_ = nullptr;
        } else if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
            on_entry(info);
        }
    }

    void on_entry(const struct __ptrace_syscall_info& info) {
        const std::uint64_t number = info.entry.nr;
        if (!running_) {
            running_ = number == SYS_prctl && info.entry.args[0] == PR_SET_NAME;
            return;
        }
        const unsigned long count = ++counts_[number];
        for (const Failure& failure : orders_.failures) {
            if (static_cast<std::uint64_t>(failure.call->number) != number ||
                count < failure.from || count > failure.to)
                continue;
            failing_ = &failure;
            // A descriptor is closed, whatever the kernel says of its last words.
            if (number == SYS_close) return;
            if (number != SYS_brk) return withhold(init_);
            // The kernel's brk has no error: it tells where the end still is, as it does for 0.
            Registers registers = read_registers(init_);
            kept_argument_ = first_argument(registers);
            first_argument(registers) = 0;
            return write_registers(init_, registers);
        }
    }

    void write_log() const {
        if (orders_.log.empty()) return;
        std::ofstream log(orders_.log);
        for (const auto& [number, count] : counts_) {
            const Call* call = call_numbered(number);
            if (call != nullptr)
                log << call->name << ' ' << count << '\n';
            else
                log << "unknown-" << number << ' ' << count << '\n';
        }
    }

    const Orders& orders_;
    pid_t init_ = 0;
    bool running_ = false;
    const Failure* failing_ = nullptr;
    unsigned long long kept_argument_ = 0;
    std::map<std::uint64_t, unsigned long> counts_;
};

int print_errors(std::string_view name) {
    const Call* call = call_named(name);
    if (call == nullptr) return 1;
    std::printf("%s\n", std::string(call->errors).c_str());
    return 0;
}

pid_t launch(char** command) {
    int gate[2];
    if (::pipe(gate) != 0) die("pipe");
    const pid_t child = ::fork();
    if (child < 0) die("fork");
    if (child == 0) {
        char byte = 0;
        ::close(gate[1]);
        if (::read(gate[0], &byte, 1) != 1) std::_Exit(77);
        ::close(gate[0]);
        ::execvp(command[0], command);
        die(command[0]);
    }
    ::close(gate[0]);
    constexpr long kOptions = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                              PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (::ptrace(PTRACE_SEIZE, child, nullptr, kOptions) != 0) {
        std::fprintf(stderr, "skipped: tracing is closed here\n");
        std::_Exit(77);
    }
    if (::write(gate[1], "g", 1) != 1) die("pipe");
    ::close(gate[1]);
    return child;
}

}  // namespace

int main(int argc, char** argv) {
    Orders orders;
    // Words come in pairs until `--`.
    for (int at = 1; at + 1 < argc; at += 2) {
        const std::string_view word = argv[at];
        const char* const value = argv[at + 1];
        if (word == "--") {
            orders.command = argv + at + 1;
            break;
        }
        if (word == "--errors") return print_errors(value);
        if (word == "--log") orders.log = value;
        if (word == "--fail") {
            const std::optional<Failure> failure = parse_failure(value);
            if (!failure) {
                std::fprintf(stderr, "inject: '%s' is no CALL:ERROR:FROM[:TO]\n", value);
                return 64;
            }
            orders.failures.push_back(*failure);
        }
    }
    if (orders.command == nullptr) return 64;
    const pid_t child = launch(orders.command);
    Tracer tracer(orders);
    return tracer.follow(child);
}
