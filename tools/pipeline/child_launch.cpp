// The steps of a new process, in an order that matters: the group while it may be entered, limits
// before the user is dropped, the folder as the user.
#include "child_launch.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/format.h"
#include "base/program.h"
#include "base/signals.h"
#include "base/text.h"

namespace pipeline {

namespace {

using base::Error;
using base::ExitCode;
using base::Result;

// A program file on a dead file system does not hold its session for ever.
constexpr int kStartWaitMs = 10'000;

enum class Step : int {
    none,
    session,
    group,
    terminal,
    descriptors,
    limits,
    user,
    folder,
    rights,
    exec
};

struct Report {
    Step step = Step::none;
    int errno_value = 0;
};

// Everything the new process needs, ready to be used without memory.
struct Plan {
    const ChildSettings& settings;
    ChildDescriptors given;
    std::vector<std::string> paths;
    char* const* arguments;
    char* const* environment;
    int report;
    int group = -1;  // to move into, where it was not born there
};

// The given descriptors lie above 2: their owner keeps 0 to 2 open.
bool take_descriptors(const ChildDescriptors& given) {
    return ::dup2(given.input, 0) >= 0 && ::dup2(given.output, 1) >= 0 &&
           ::dup2(given.errors, 2) >= 0;
}

bool close_others() {
    constexpr unsigned kCloexec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
    return ::syscall(SYS_close_range, 3U, ~0U, kCloexec) == 0;
}

// Who is that user already, for good, may not set groups, and has those that it was given.
bool become(const base::Account& account) {
    const bool root = ::geteuid() == 0;
    if (!root && ::getuid() == account.user && ::getgid() == account.group) return true;
    return ::setgroups(account.groups.size(), account.groups.data()) == 0 &&
           ::setresgid(account.group, account.group, account.group) == 0 &&
           ::setresuid(account.user, account.user, account.user) == 0;
}

// Returns the step that failed, with errno, or none.
Step prepare(const Plan& plan) {
    const ChildSettings& settings = plan.settings;
    if (::setsid() < 0) return Step::session;
    if (plan.group >= 0 && !base::enter_group(plan.group)) return Step::group;
    if (plan.given.terminal && ::ioctl(plan.given.input, TIOCSCTTY, 0) != 0) return Step::terminal;
    if (!take_descriptors(plan.given) || !close_others()) return Step::descriptors;
    for (const ResourceLimit& limit : settings.limits) {
        const struct rlimit value { limit.soft, limit.hard };
        if (::setrlimit(static_cast<__rlimit_resource>(limit.resource), &value) != 0) {
            return Step::limits;
        }
    }
    ::umask(settings.mode_mask);
    if (settings.account && !become(*settings.account)) return Step::user;
    // Whoever watches it is its only owner. A change of user would have undone this.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return Step::rights;
    if (::chdir(settings.folder.c_str()) != 0) return Step::folder;
    if (settings.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return Step::rights;
    }
    return Step::none;
}

[[noreturn]] void become_program(const Plan& plan) {
    Report report;
    report.step = prepare(plan);
    report.errno_value = errno;
    if (report.step == Step::none) {
        // Last, so that a signal meant for the group meets a process that is whole.
        base::reset_signals();
        report.step = Step::exec;
        report.errno_value = base::execute(plan.paths, plan.arguments, plan.environment);
    }
    [[maybe_unused]] const ssize_t written = ::write(plan.report, &report, sizeof report);
    ::_exit(126);
}

std::string describe(Step step, const ChildSettings& settings) {
    switch (step) {
        case Step::none: break;
        case Step::session: return "start a session";
        case Step::group: return "enter a cgroup";
        case Step::terminal: return "take a terminal";
        case Step::descriptors: return "set up standard input and output";
        case Step::limits: return "set a resource limit";
        case Step::user:
            return fmt::format("become user {} and group {}", settings.account->user,
                               settings.account->group);
        case Step::folder: return fmt::format("start in {}", base::quote(settings.folder));
        case Step::rights: return "limit rights";
        case Step::exec: return fmt::format("run {}", base::quote(settings.command[0]));
    }
    return "start a program";
}

Error failure(const Report& report, const ChildSettings& settings) {
    Error error = Error::system(describe(report.step, settings), "", report.errno_value);
    const bool absent = report.step == Step::exec &&
                        (report.errno_value == ENOENT || report.errno_value == ENOTDIR);
    error.code = absent ? ExitCode::not_found : ExitCode::cannot_exec;
    return error;
}

// Waits for the end of the report pipe, which exec closes.
Result<void> read_report(int fd, const ChildSettings& settings) {
    pollfd waited{fd, POLLIN, 0};
    int ready;
    do {
        ready = ::poll(&waited, 1, kStartWaitMs);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) return failure({Step::exec, ETIMEDOUT}, settings);
    Report report;
    const std::size_t count =
        TRY(base::read_full(fd, std::as_writable_bytes(std::span(&report, 1)), "a report"));
    if (count == 0) return {};
    if (count != sizeof report) report = {Step::exec, EIO};
    return failure(report, settings);
}

// All signals wait while a process is made: a handler of ours in it would write into pipes that it
// shares with us.
class BlockedSignals {
  public:
    BlockedSignals() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;

  private:
    sigset_t before_;
};

}  // namespace

Result<pid_t> launch_child(const ChildSettings& settings, const ChildDescriptors& given) {
    base::Pipe report = TRY(base::make_pipe());
    std::vector<std::string> command = settings.command;
    std::vector<std::string> environment = settings.environment;
    const std::string& program = settings.program.empty() ? command[0] : settings.program;
    std::vector<std::string> paths = base::program_paths(program, environment);
    const std::vector<char*> arguments = base::pointers_to(command);
    const std::vector<char*> variables = base::pointers_to(environment);
    Plan plan{settings,          given, std::move(paths), arguments.data(), variables.data(),
              report.write.get()};
    pid_t pid;
    {
        const BlockedSignals blocked;
        const int group = settings.group == nullptr ? -1 : settings.group->fd();
        pid = group < 0 ? -1 : base::fork_into(group);
        if (pid < 0) {
            plan.group = group;
            pid = ::fork();
        }
        if (pid == 0) become_program(plan);
    }
    if (pid < 0) return Error::system("start a process for", settings.command[0]);
    report.write.reset();
    const Result<void> started = read_report(report.read.get(), settings);
    if (started.ok()) return pid;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return started.error();
}

}  // namespace pipeline
