// The parent of the workers: forks, waits, forks again.
#include "workers.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/log.h"
#include "base/main.h"
#include "base/signals.h"

namespace pf_proxy {

using base::Error;
using base::Fd;
using base::Result;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{10'000};
// One that has lived for this long did not die of how it was started.
constexpr milliseconds kSettled{10'000};
// Beyond the time to drain, which the workers keep themselves.
constexpr milliseconds kGrace{2'000};

struct Worker {
    pid_t pid = 0;  // 0: to be started at `due`
    Clock::time_point started;
    Clock::time_point due;
    milliseconds pause{};
};

Result<Fd> watch_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP})
        sigaddset(&set, signal);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return Error::system("block signals", "");
    Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd.valid()) return Error::system("watch signals", "");
    return fd;
}

class Parent {
  public:
    Parent(const Settings& settings, std::span<Metrics> metrics,
           const std::function<Result<int>(std::size_t)>& work)
        : settings_(settings), metrics_(metrics), work_(work), workers_(settings.workers) {}

    Result<int> run() {
        const Fd signals = TRY(watch_signals());
        for (std::size_t index = 0; index < workers_.size(); ++index)
            TRY(start(index));
        TRY(base::announce_ready(settings_.ready_fd));
        while (!ending_ || running() > 0) {
            pollfd ready{signals.get(), POLLIN, 0};
            if (::poll(&ready, 1, time_to_wait()) < 0 && errno != EINTR) {
                return Error::system("wait", "");
            }
            take_signals(signals.get());
            reap();
            TRY(start_due());
            if (ending_ && Clock::now() >= last_moment_) send_all(SIGKILL);
        }
        return 0;
    }

  private:
    std::size_t running() const {
        return static_cast<std::size_t>(
            std::ranges::count_if(workers_, [](const Worker& worker) { return worker.pid > 0; }));
    }

    Result<void> start(std::size_t index) {
        const pid_t parent = ::getpid();
        const pid_t pid = ::fork();
        if (pid < 0) return Error::system("start", "a worker");
        if (pid == 0) {
            base::reset_signals();
            ::signal(SIGPIPE, SIG_IGN);
            // A worker does not outlive what would restart and stop it.
            ::prctl(PR_SET_PDEATHSIG, SIGTERM);
            if (::getppid() != parent) ::_exit(0);
            const Result<int> result = work_(index);
            if (!result.ok()) base::log::error("worker", {{"error", result.error().message}});
            ::_exit(result.ok() ? result.value() : static_cast<int>(result.error().code));
        }
        workers_[index].pid = pid;
        workers_[index].started = Clock::now();
        return {};
    }

    void reap() {
        int status = 0;
        for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
            const auto found = std::ranges::find(workers_, pid, &Worker::pid);
            if (found == workers_.end()) continue;
            const auto index = static_cast<std::size_t>(found - workers_.begin());
            const auto now = Clock::now();
            found->pid = 0;
            metrics_[index].forget_open();
            if (ending_) continue;
            found->pause = now - found->started >= kSettled
                               ? kFirstPause
                               : std::clamp(found->pause * 2, kFirstPause, kLongestPause);
            found->due = now + found->pause;
            base::log::error("worker ended",
                             {{"worker", index},
                              {"pid_of_worker", pid},
                              {"signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0},
                              {"code", WIFEXITED(status) ? WEXITSTATUS(status) : 0},
                              {"again_in_ms", found->pause.count()}});
        }
    }

    Result<void> start_due() {
        if (ending_) return {};
        for (std::size_t index = 0; index < workers_.size(); ++index) {
            if (workers_[index].pid == 0 && workers_[index].due <= Clock::now()) TRY(start(index));
        }
        return {};
    }

    int time_to_wait() const {
        std::optional<Clock::time_point> next;
        if (ending_) next = last_moment_;
        for (const Worker& worker : workers_) {
            if (!ending_ && worker.pid == 0 && (!next || worker.due < *next)) next = worker.due;
        }
        if (!next.has_value()) return -1;
        const auto left = std::chrono::ceil<milliseconds>(*next - Clock::now());
        return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    }

    void take_signals(int fd) {
        signalfd_siginfo info{};
        while (::read(fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
            const int signal = static_cast<int>(info.ssi_signo);
            if (signal == SIGCHLD) continue;
            send_all(signal);
            if (signal == SIGHUP || ending_) continue;
            ending_ = true;
            last_moment_ = Clock::now() + settings_.drain_limit + kGrace;
        }
    }

    void send_all(int signal) const {
        for (const Worker& worker : workers_) {
            if (worker.pid > 0) ::kill(worker.pid, signal);
        }
    }

    const Settings& settings_;
    std::span<Metrics> metrics_;
    const std::function<Result<int>(std::size_t)>& work_;
    std::vector<Worker> workers_;
    bool ending_ = false;
    Clock::time_point last_moment_;
};

}  // namespace

Result<int> run_workers(const Settings& settings, std::span<Metrics> metrics,
                        const std::function<Result<int>(std::size_t)>& work) {
    return Parent(settings, metrics, work).run();
}

}  // namespace pf_proxy
