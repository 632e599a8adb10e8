// epoll, timerfd and signalfd under one wait().
#include "reactor.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <span>
#include <utility>

namespace initd {

namespace {

using base::Error;
using base::Fd;

constexpr std::chrono::milliseconds kRetryAfter{100};

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
    for (Fd* fd : {&timer_, &signals_, &bulk_}) {
        const Watch own{&epoll_, fd->get(), EPOLLIN, fd};
        TRY(apply(EPOLL_CTL_ADD, own));
    }
    return {};
}

base::Result<void> Reactor::apply(int how, const Watch& what) {
    struct epoll_event event {};
    event.events = what.events;
    event.data.ptr = what.whom;
    if (::epoll_ctl(what.queue->get(), how, what.fd, &event) == 0) return {};
    const bool no_memory = errno == ENOMEM || errno == ENOSPC;
    Error error = Error::system("watch a descriptor", "");
    if (no_memory && postpone(what)) return {};
    return error;
}

base::Result<void> Reactor::watch(int fd, std::uint32_t events, Watcher& watcher) {
    return apply(EPOLL_CTL_ADD, {&epoll_, fd, events, &watcher});
}

base::Result<void> Reactor::watch_bulk(int fd, Watcher& watcher) {
    return apply(EPOLL_CTL_ADD, {&bulk_, fd, EPOLLIN, &watcher});
}

base::Result<void> Reactor::change(int fd, std::uint32_t events, Watcher& watcher) {
    return apply(EPOLL_CTL_MOD, {&epoll_, fd, events, &watcher});
}

void Reactor::rest(int fd, std::uint32_t events, Watcher& watcher) {
    forget(fd);
    if (!postpone({&epoll_, fd, events, &watcher})) (void)watch(fd, events, watcher);
}

void Reactor::forget(int fd) {
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) != 0)
        ::epoll_ctl(bulk_.get(), EPOLL_CTL_DEL, fd, nullptr);
    const auto end = postponed_.begin() + static_cast<std::ptrdiff_t>(postponed_count_);
    const auto kept =
        std::remove_if(postponed_.begin(), end, [fd](const Watch& what) { return what.fd == fd; });
    postponed_count_ = static_cast<std::size_t>(kept - postponed_.begin());
}

bool Reactor::postpone(const Watch& what) {
    if (postponed_count_ == postponed_.size()) return false;
    postponed_[postponed_count_++] = what;
    retry_at_ = std::chrono::steady_clock::now() + kRetryAfter;
    return true;
}

void Reactor::retry_postponed() {
    if (postponed_count_ == 0 || std::chrono::steady_clock::now() < retry_at_) return;
    const auto all = postponed_;
    const std::size_t count = std::exchange(postponed_count_, 0);
    for (const Watch& what : std::span(all).first(count)) {
        const auto changed = apply(EPOLL_CTL_MOD, what);
        if (!changed.ok() && changed.error().errno_value == ENOENT) {
            (void)apply(EPOLL_CTL_ADD, what);
        }
    }
}

// Milliseconds that a wait may last; without end as a rule.
int Reactor::patience() const {
    using std::chrono::ceil;
    using std::chrono::milliseconds;
    std::optional<Time> until;
    if (postponed_count_ > 0) until = retry_at_;
    if (timer_failed_ && alarm_ && (!until || *alarm_ < *until)) until = alarm_;
    if (!until) return -1;
    const auto left = ceil<milliseconds>(*until - std::chrono::steady_clock::now()).count();
    constexpr std::int64_t kMost = 60'000;
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, kMost));
}

void Reactor::set_alarm(std::optional<Time> at) {
    if (at == alarm_ && !timer_failed_) return;
    alarm_ = at;
    struct itimerspec spec {};
    if (at) {
        using std::chrono::nanoseconds;
        // Zero would disarm; the steady clock is CLOCK_MONOTONIC.
        const auto since = std::max<nanoseconds>(at->time_since_epoch(), nanoseconds(1));
        spec.it_value.tv_sec = since.count() / 1'000'000'000;
        spec.it_value.tv_nsec = since.count() % 1'000'000'000;
    }
    timer_failed_ = ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr) != 0;
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
        retry_postponed();
        count = ::epoll_wait(epoll_.get(), &event, 1, patience());
    } while (count < 0 && errno == EINTR);
    if (count < 0) return Turn::failed;
    if (count == 0) {
        if (!alarm_ || *alarm_ > std::chrono::steady_clock::now()) return Turn::event;
        alarm_.reset();
        return Turn::alarm;
    }
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
