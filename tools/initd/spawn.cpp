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
#include <cstdint>
#include <cstring>

#include "base/text.h"
#include "environment.h"
#include "reactor.h"

namespace initd {

namespace {

std::vector<std::string> candidate_paths(const std::string& program,
                                         const std::vector<std::string>& environment) {
    if (program.find('/') != std::string::npos) return {program};
    std::string_view path = kDefaultPath;
    for (const std::string& variable : environment) {
        if (variable.starts_with("PATH=")) path = std::string_view(variable).substr(5);
    }
    std::vector<std::string> candidates;
    for (const std::string_view folder : base::split(path, ':')) {
        if (!folder.empty()) candidates.push_back(std::string(folder) + "/" + program);
    }
    if (candidates.empty()) candidates.push_back(program);
    return candidates;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts)
        pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

// Nothing but 0, 1 and 2 survives exec, whatever initd itself was started with.
void close_on_exec_from_3() {
    constexpr unsigned kCloexec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
    if (::syscall(SYS_close_range, 3U, ~0U, kCloexec) == 0) return;
    for (int fd = 3; fd < 1024; ++fd)
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace

Program::Program(const ServiceSettings& settings, Account account,
                 std::vector<std::string> environment, std::string cgroup_procs)
    : command_(settings.command),
      environment_(std::move(environment)),
      candidates_(candidate_paths(settings.command[0], environment_)),
      account_(std::move(account)),
      folder_(settings.folder),
      cgroup_procs_(std::move(cgroup_procs)),
      limits_(settings.resource_limits),
      mode_mask_(settings.mode_mask),
      no_new_privileges_(settings.no_new_privileges),
      ready_descriptor_(settings.ready_descriptor),
      cage_(settings.confinement) {
    argv_ = pointers_to(command_);
    envp_ = pointers_to(environment_);
}

Program::Started Program::start(const base::Fd& out, const base::Fd& err, const base::Fd& ready,
                                Failure& failure) const {
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
    const pid_t pid = ::fork();
    if (pid < 0) {
        failure = {Step::fork, errno};
        return {};
    }
    if (pid == 0) become(out.get(), err.get(), ready.get(), write_end.get());
    return {pid, std::move(read_end)};
}

void Program::become(int out, int err, int ready, int report) const {
    Failure failure;
    // The number that the program wants may be that of the report.
    if (ready >= 0 && report == ready_descriptor_) {
        report = ::fcntl(report, F_DUPFD_CLOEXEC, ready_descriptor_ + 1);
    }
    failure.step = prepare(out, err, ready);
    if (failure.step == Step::none) {
        execute();
        failure.step = Step::exec;
    }
    failure.errno_value = errno;
    [[maybe_unused]] const ssize_t written = ::write(report, &failure, sizeof failure);
    ::_exit(failure.step == Step::exec && failure.errno_value == ENOENT ? 127 : 126);
}

// Returns the step that failed, with errno, or none.
Step Program::prepare(int out, int err, int ready) const {
    if (::setsid() < 0) return Step::session;
    if (!cgroup_procs_.empty()) {
        const int procs = ::open(cgroup_procs_.c_str(), O_WRONLY | O_CLOEXEC);
        if (procs < 0 || ::write(procs, "0", 1) != 1) return Step::cgroup;
    }
    // initd keeps 0, 1 and 2 open, so the pipes' numbers are above them.
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) {
        return Step::stdio;
    }
    close_on_exec_from_3();
    if (ready >= 0 && !hand_over(ready)) return Step::stdio;
    reset_signals();
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

// Returns only on failure, with the errno that says most: a file that is there but cannot be
// executed says more than the places where there is none.
void Program::execute() const {
    int telling = ENOENT;
    for (const std::string& path : candidates_) {
        ::execve(path.c_str(), argv_.data(), envp_.data());
        if (errno != ENOENT && errno != ENOTDIR) telling = errno;
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) break;
    }
    errno = telling;
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
