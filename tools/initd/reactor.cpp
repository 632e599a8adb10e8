// epoll, timerfd and signalfd under one wait().
#include "reactor.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>

namespace initd {

namespace {

using base::Error;
using base::Fd;

sigset_t handled_signals() {
    sigset_t set;
    ::sigfillset(&set);
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
        ::sigdelset(&set, signal);
    }
    return set;
}

}  // namespace

void block_signals() {
    const sigset_t set = handled_signals();
    ::sigprocmask(SIG_SETMASK, &set, nullptr);
    // Inherited as ignored, SIGCHLD would make the kernel throw exit statuses away.
    ::signal(SIGCHLD, SIG_DFL);
}

base::Result<void> Reactor::create() {
    const sigset_t set = handled_signals();
    epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_.valid()) return Error::system("create the event queue", "");
    timer_ = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer_.valid()) return Error::system("create a timer", "");
    signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_.valid()) return Error::system("receive signals", "");
    bulk_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!bulk_.valid()) return Error::system("create the event queue", "");
    for (Fd* fd : {&timer_, &signals_, &bulk_})
        TRY(add(epoll_, fd->get(), EPOLLIN, fd));
    return {};
}

base::Result<void> Reactor::add(const Fd& queue, int fd, std::uint32_t events, void* whom) {
    struct epoll_event event {};
    event.events = events;
    event.data.ptr = whom;
    if (::epoll_ctl(queue.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return Error::system("watch a descriptor", "");
    }
    return {};
}

base::Result<void> Reactor::watch(int fd, std::uint32_t events, Watcher& watcher) {
    return add(epoll_, fd, events, &watcher);
}

base::Result<void> Reactor::watch_bulk(int fd, Watcher& watcher) {
    return add(bulk_, fd, EPOLLIN, &watcher);
}

base::Result<void> Reactor::change(int fd, std::uint32_t events, Watcher& watcher) {
    struct epoll_event event {};
    event.events = events;
    event.data.ptr = &watcher;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) {
        return Error::system("watch a descriptor", "");
    }
    return {};
}

void Reactor::forget(int fd) {
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) != 0)
        ::epoll_ctl(bulk_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Reactor::set_alarm(std::optional<Time> at) {
    if (at == alarm_) return;
    alarm_ = at;
    struct itimerspec spec {};
    if (at) {
        using std::chrono::nanoseconds;
        // Zero would disarm; the steady clock is CLOCK_MONOTONIC.
        const auto since = std::max<nanoseconds>(at->time_since_epoch(), nanoseconds(1));
        spec.it_value.tv_sec = since.count() / 1'000'000'000;
        spec.it_value.tv_nsec = since.count() % 1'000'000'000;
    }
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

// Processor time, as it does not pass while others have the processor.
void Reactor::note_turn() {
    struct timespec now {};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    const auto time = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
    if (processor_time_.count() > 0) {
        longest_turn_ = std::max(longest_turn_, time - processor_time_);
    }
    processor_time_ = time;
}

Reactor::Turn Reactor::wait(signalfd_siginfo& signal_info) {
    note_turn();
    struct epoll_event event {};
    int count;
    do {
        count = ::epoll_wait(epoll_.get(), &event, 1, -1);
    } while (count < 0 && errno == EINTR);
    if (count != 1) return Turn::failed;
    if (event.data.ptr == &timer_) {
        std::uint64_t expirations = 0;
        [[maybe_unused]] const ssize_t read =
            ::read(timer_.get(), &expirations, sizeof expirations);
        alarm_.reset();
        return Turn::alarm;
    }
    if (event.data.ptr == &signals_) {
        const ssize_t read = ::read(signals_.get(), &signal_info, sizeof signal_info);
        return read == static_cast<ssize_t>(sizeof signal_info) ? Turn::signal : Turn::failed;
    }
    // Since it was seen to be ready, the bulk's last descriptor may have been closed.
    if (event.data.ptr == &bulk_ && ::epoll_wait(bulk_.get(), &event, 1, 0) != 1) {
        return Turn::event;
    }
    static_cast<Watcher*>(event.data.ptr)->on_ready(event.events);
    return Turn::event;
}

}  // namespace initd
