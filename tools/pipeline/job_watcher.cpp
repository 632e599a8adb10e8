// A loop over five descriptors, without libuv: a forked process must not use
// its parent's loop, and needs none of its own.
#include "job_watcher.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include "base/file.h"
#include "base/format.h"
#include "base/signals.h"
#include "base/text.h"
#include "child_watch.h"
#include "job_output.h"
#include "jobs.h"
#include "processes.h"

namespace pipeline {

namespace {

using base::Error;
using base::Fd;
using base::Result;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kReportWaitMs = 15'000;  // beyond what Child::start() itself may take

Instant now() {
    return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
}

Result<std::string> new_id() {
    std::array<std::byte, 6> bytes;
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        return Error::system("get random bytes", "");
    }
    return base::to_hex(bytes);
}

Result<Fd> make_file(const std::string& folder, const char* name) {
    return base::open_file(folder + "/" + name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
}

// Everything a watcher holds, made by the session's process so that errors are
// told there.
struct Files {
    std::string folder;  // of this job
    Fd output;
    Fd errors;
    Fd lock;
};

void remove_files(const std::string& folder) {
    for (const char* name : {"command", "stdout", "stderr", "status", "status.new"})
        ::unlink((folder + "/" + name).c_str());
    ::rmdir(folder.c_str());
}

Result<Files> make_files(const std::string& folder, const std::string& command) {
    Files files;
    files.folder = folder;
    if (::mkdir(folder.c_str(), 0700) != 0) return Error::system("make the folder", folder);
    files.lock = TRY(make_file(folder, "command"));
    const auto bytes = base::as_bytes(command);
    TRY(base::write_all(files.lock.get(), bytes.first(std::min(bytes.size(), kMaxJobCommand)),
                        folder));
    files.output = TRY(make_file(folder, "stdout"));
    files.errors = TRY(make_file(folder, "stderr"));
    // It tells readers that somebody watches, and goes with this open file's last
    // owner.
    if (::flock(files.lock.get(), LOCK_EX | LOCK_NB) != 0) return Error::system("lock", folder);
    return files;
}

class Watcher {
  public:
    Watcher(const JobSettings& settings, Files files)
        : settings_(settings),
          files_(std::move(files)),
          output_(std::move(files_.output), kMaxJobOutput),
          errors_(std::move(files_.errors), kMaxJobOutput) {}

    // Starts the program; its Error is for the session.
    Result<void> start();
    void watch();

  private:
    void write_status();
    void take(int fd, JobOutput& output, bool& open);
    void stop();
    int wait_ms() const;
    void on_time();
    void on_end(std::optional<ChildEnd> end);

    const JobSettings& settings_;
    Files files_;
    JobOutput output_;
    JobOutput errors_;
    JobStatus status_;
    std::optional<ChildGroup> group_;
    std::optional<Child> child_;
    Fd signals_;
    std::optional<Clock::time_point> deadline_;
    bool output_open_ = true;
    bool errors_open_ = true;
    bool stopping_ = false;
};

Result<void> Watcher::start() {
    sigset_t handled;
    ::sigemptyset(&handled);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
        ::sigaddset(&handled, signal);
    ::sigprocmask(SIG_BLOCK, &handled, nullptr);
    signals_ = Fd(::signalfd(-1, &handled, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!signals_.valid()) return Error::system("watch for signals", "");
    become_subreaper();
    auto group = ChildGroup::make("job-" + files_.folder.substr(files_.folder.rfind('/') + 1));
    if (group) group_.emplace(*std::move(group));
    ChildSettings child = settings_.child;
    child.with_input = false;
    child.terminal.reset();
    child.group = group_ ? &*group_ : nullptr;
    child_.emplace(TRY(Child::start(child)));
    status_.key = settings_.key;
    status_.started = now();
    status_.watcher = ::getpid();
    if (settings_.limit) deadline_ = Clock::now() + *settings_.limit;
    write_status();
    return {};
}

// Where it cannot be written the job runs on, and is listed as lost when it is
// over.
void Watcher::write_status() {
    const std::string path = files_.folder + "/status";
    const std::string fresh = path + ".new";
    const auto file = base::open_file(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (!file.ok()) return;
    const auto written =
        base::write_all(file.value().get(), base::as_bytes(job_status_text(status_)), fresh);
    if (written.ok()) ::rename(fresh.c_str(), path.c_str());
}

void Watcher::take(int fd, JobOutput& output, bool& open) {
    std::array<std::byte, 65536> buffer;
    const auto count = read_available(fd, buffer);
    if (count.ok() && !count.value()) return;
    if (!count.ok() || *count.value() == 0) {
        open = false;
        return;
    }
    output.append(std::span(buffer).first(*count.value()));
}

void Watcher::stop() {
    if (stopping_) return;
    stopping_ = true;
    child_->signal(SIGTERM);
    child_->signal(SIGCONT);
    deadline_ = Clock::now() + ChildWatch::kGrace;
}

void Watcher::on_time() {
    if (!deadline_ || Clock::now() < *deadline_) return;
    if (stopping_) {
        child_->kill_all();
        deadline_.reset();
    } else {
        status_.timed_out = true;
        stop();
    }
}

int Watcher::wait_ms() const {
    if (!deadline_) return -1;
    const auto left = std::chrono::ceil<milliseconds>(*deadline_ - Clock::now()).count();
    return static_cast<int>(std::clamp<long>(left, 0, 60'000));
}

void Watcher::on_end(std::optional<ChildEnd> end) {
    if (!end) return;
    status_.end = end;
    status_.ended = now();
    // What it left behind would keep its outputs open.
    child_->kill_all();
    kill_descendants({child_->pid()});
}

void Watcher::watch() {
    while (output_open_ || errors_open_ || !status_.end) {
        std::array<pollfd, 4> waited = {{{output_open_ ? child_->output() : -1, POLLIN, 0},
                                         {errors_open_ ? child_->errors() : -1, POLLIN, 0},
                                         {status_.end ? -1 : child_->end_fd(), POLLIN, 0},
                                         {signals_.get(), POLLIN, 0}}};
        ::poll(waited.data(), waited.size(), wait_ms());
        if (waited[0].revents != 0) take(child_->output(), output_, output_open_);
        if (waited[1].revents != 0) take(child_->errors(), errors_, errors_open_);
        signalfd_siginfo told;
        if (::read(signals_.get(), &told, sizeof told) == sizeof told) stop();
        if (!status_.end) on_end(child_->end());
        on_time();
    }
    status_.output_bytes = output_.bytes() + errors_.bytes();
    status_.lost_bytes = output_.lost() + errors_.lost();
    child_.reset();
    kill_descendants({});
    group_.reset();
    write_status();
    [[maybe_unused]] const Result<void> pruned = prune_jobs(settings_.folder);
}

// What the watcher tells its session, once.
struct Report {
    pid_t watcher;
    base::ExitCode code;  // done: the job runs
    int errno_value;
    char message[512];
};

void tell(int fd, const Result<void>& started) {
    Report report{::getpid(), base::ExitCode::done, 0, {}};
    if (!started.ok()) {
        report.code = started.error().code;
        report.errno_value = started.error().errno_value;
        started.error().message.copy(report.message, sizeof report.message - 1);
    }
    [[maybe_unused]] const ssize_t written = ::write(fd, &report, sizeof report);
}

// Keeps what the watcher needs and nothing of its parent: no socket that would
// stay open, no handler that writes into a shared pipe, no terminal.
void leave_parent(std::initializer_list<int> kept) {
    ::setsid();
    ::prctl(PR_SET_NAME, "pipeline-job", 0, 0, 0);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {0, 1, 2})
        ::dup2(null, fd);
    std::vector<unsigned> numbers(kept.begin(), kept.end());
    std::sort(numbers.begin(), numbers.end());
    unsigned first = 3;
    for (const unsigned number : numbers) {
        if (number > first) ::syscall(SYS_close_range, first, number - 1, 0U);
        first = number + 1;
    }
    ::syscall(SYS_close_range, first, ~0U, 0U);
    base::reset_signals();
    ::signal(SIGPIPE, SIG_IGN);
}

[[noreturn]] void be_watcher(const JobSettings& settings, Files files, Fd report,
                             const std::function<void()>& forget) {
    leave_parent({files.output.get(), files.errors.get(), files.lock.get(), report.get()});
    forget();
    Watcher watcher(settings, std::move(files));
    const Result<void> started = watcher.start();
    tell(report.get(), started);
    if (!started.ok()) ::_exit(1);
    report.reset();
    watcher.watch();
    ::_exit(0);
}

Result<void> check_room(const std::string& folder) {
    const std::vector<Job> jobs = TRY(list_jobs(folder, ""));
    const auto running = std::count_if(
        jobs.begin(), jobs.end(), [](const Job& job) { return job.state == JobState::running; });
    if (static_cast<std::size_t>(running) < kMaxRunningJobs) return {};
    return Error(base::ExitCode::temporary, fmt::format("{} jobs are running", running),
                 "wait for one, or end one");
}

// The pid of the watcher of a job that runs.
Result<pid_t> hear(int fd) {
    // A program may stop its watcher before that can tell.
    pollfd waited{fd, POLLIN, 0};
    int ready;
    do {
        ready = ::poll(&waited, 1, kReportWaitMs);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) return Error::system("hear from a job's watcher", "", ETIMEDOUT);
    Report report;
    const std::size_t count =
        TRY(base::read_full(fd, std::as_writable_bytes(std::span(&report, 1)), "a report"));
    if (count != sizeof report) return Error(base::ExitCode::internal, "a job's watcher died");
    if (report.code == base::ExitCode::done) return report.watcher;
    report.message[sizeof report.message - 1] = '\0';
    Error error(report.code, report.message);
    error.errno_value = report.errno_value;
    return error;
}

}  // namespace

Result<StartedJob> start_job(const JobSettings& settings, const std::function<void()>& forget) {
    TRY(check_room(settings.folder));
    TRY(prune_jobs(settings.folder));
    std::string id = TRY(new_id());
    const std::string folder = fmt::format("{}/{}", settings.folder, id);
    auto files = make_files(folder, settings.command);
    if (!files.ok()) {
        remove_files(folder);
        return std::move(files).error();
    }
    base::Pipe report = TRY(base::make_pipe());
    // A middle process, so that the watcher is nobody's zombie.
    const pid_t middle = ::fork();
    if (middle < 0) return Error::system("start a job's watcher", "");
    if (middle == 0) {
        if (::fork() == 0) {
            be_watcher(settings, std::move(files).value(), std::move(report.write), forget);
        }
        ::_exit(0);
    }
    report.write.reset();
    files.value().lock.reset();
    ::waitpid(middle, nullptr, 0);
    const Result<pid_t> watcher = hear(report.read.get());
    if (watcher.ok()) return StartedJob{std::move(id), watcher.value()};
    remove_files(folder);
    return watcher.error();
}

}  // namespace pipeline
