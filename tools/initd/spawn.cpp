// The steps between fork and exec.
#include "spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/program.h"
#include "base/signals.h"
#include "environment.h"

namespace initd {

namespace {

// Nothing but 0, 1 and 2 survives exec, whatever initd itself was started with.
void close_on_exec_from_3() {
    constexpr unsigned kCloexec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
    if (::syscall(SYS_close_range, 3U, ~0U, kCloexec) == 0) return;
    for (int fd = 3; fd < 1024; ++fd)
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace

Program::Program(const ServiceSettings& settings, Account account,
                 std::vector<std::string> environment, std::string cgroup)
    : command_(settings.command),
      environment_(std::move(environment)),
      candidates_(base::program_paths(settings.command[0], environment_)),
      account_(std::move(account)),
      folder_(settings.folder),
      cgroup_(std::move(cgroup)),
      limits_(settings.resource_limits),
      mode_mask_(settings.mode_mask),
      no_new_privileges_(settings.no_new_privileges),
      ready_descriptor_(settings.ready_descriptor),
      cage_(settings.confinement) {
    argv_ = base::pointers_to(command_);
    envp_ = base::pointers_to(environment_);
}

Program::Started Program::start(const base::Fd& out, const base::Fd& err, const base::Fd& ready,
                                bool group_is_new, Failure& failure) const {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        failure = {Step::pipes, errno};
        return {};
    }
    base::Fd read_end(ends[0]), write_end(ends[1]);
    if (::fcntl(read_end.get(), F_SETFL, O_NONBLOCK) != 0) {
        failure = {Step::pipes, errno};
        return {};
    }
    base::Fd group;
    if (!cgroup_.empty()) {
        group = base::Fd(::open(cgroup_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!group.valid()) {
            failure = {Step::cgroup, errno};
            return {};
        }
    }
    // Linux from 6.14 on may kill at birth whoever is born into a group that was killed before.
    pid_t pid = group.valid() && group_is_new ? base::fork_into(group.get()) : -1;
    const bool placed = pid >= 0;
    if (!placed) pid = ::fork();
    if (pid < 0) {
        failure = {Step::fork, errno};
        return {};
    }
    if (pid == 0) {
        become({out.get(), err.get(), ready.get(), write_end.get(), placed ? -1 : group.get()});
    }
    return {pid, std::move(read_end)};
}

void Program::become(const Descriptors& given) const {
    Failure failure;
    int report = given.report;
    // The number that the program wants may be that of the report.
    if (given.ready >= 0 && report == ready_descriptor_) {
        report = ::fcntl(report, F_DUPFD_CLOEXEC, ready_descriptor_ + 1);
    }
    failure.step = prepare(given);
    if (failure.step == Step::none) {
        errno = base::execute(candidates_, argv_.data(), envp_.data());
        failure.step = Step::exec;
    }
    failure.errno_value = errno;
    [[maybe_unused]] const ssize_t written = ::write(report, &failure, sizeof failure);
    ::_exit(failure.step == Step::exec && failure.errno_value == ENOENT ? 127 : 126);
}

// Returns the step that failed, with errno, or none.
Step Program::prepare(const Descriptors& given) const {
    if (::setsid() < 0) return Step::session;
    if (given.group >= 0 && !base::enter_group(given.group)) return Step::cgroup;
    // initd keeps 0, 1 and 2 open, so the pipes' numbers are above them.
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(given.out, 1) < 0 || ::dup2(given.err, 2) < 0) {
        return Step::stdio;
    }
    close_on_exec_from_3();
    if (given.ready >= 0 && !hand_over(given.ready)) return Step::stdio;
    base::reset_signals();
    for (const ResourceLimit& limit : limits_) {
        const struct rlimit value { limit.soft, limit.hard };
        if (::setrlimit(static_cast<__rlimit_resource>(limit.resource), &value) != 0) {
            return Step::limits;
        }
    }
    ::umask(mode_mask_);
    Step failed = cage_.enter();
    if (failed == Step::none) failed = take_identity();
    if (failed == Step::none) failed = cage_.take_capabilities();
    if (failed != Step::none) return failed;
    if (::chdir(folder_.c_str()) != 0) return Step::folder;
    if (no_new_privileges_ && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return Step::privileges;
    }
    return cage_.allow_calls();
}

bool Program::hand_over(int ready) const {
    // dup2 onto itself would leave the descriptor closed on exec.
    if (ready == ready_descriptor_) return ::fcntl(ready, F_SETFD, 0) == 0;
    return ::dup2(ready, ready_descriptor_) >= 0;
}

Step Program::take_identity() const {
    // Where nothing changes nothing is called: a user namespace may forbid setgroups.
    const bool root = account_.user == 0 && account_.group == 0 && account_.groups.empty();
    if (root) return Step::none;
    if (::setgroups(account_.groups.size(), account_.groups.data()) != 0) return Step::groups;
    if (::setresgid(account_.group, account_.group, account_.group) != 0) return Step::group;
    if (::setresuid(account_.user, account_.user, account_.user) != 0) return Step::user;
    return Step::none;
}

bool read_report(int fd, Program::Failure& failure) {
    Program::Failure read_failure;
    ssize_t count;
    do {
        count = ::read(fd, &read_failure, sizeof read_failure);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno == EAGAIN) return false;
    if (count == static_cast<ssize_t>(sizeof read_failure)) failure = read_failure;
    return true;
}

}  // namespace initd
