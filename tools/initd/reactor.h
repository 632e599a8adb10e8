// The event loop of PID 1: epoll, one timer, signals as a descriptor. No polling.
//
// It is not libuv because that aborts the process when epoll fails in a way it did not expect,
// which PID 1 must survive. One event is taken per turn, so a watcher may be destroyed by the
// handler of another without leaving a stale event behind.
#pragma once

#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <array>
#include <chrono>
#include <optional>

#include "base/fd.h"
#include "base/result.h"

namespace initd {

class Watcher {
  public:
    virtual ~Watcher() = default;
    // `events` are EPOLLIN and its kin.
    virtual void on_ready(std::uint32_t events) = 0;
};

class Reactor {
  public:
    using Time = std::chrono::steady_clock::time_point;

    base::Result<void> create();

    // The watcher must live until forget(). Where the kernel has no memory for it now, it is tried
    // again until it has.
    base::Result<void> watch(int fd, std::uint32_t events, Watcher& watcher);
    // For descriptors that may always have more to read. They take turns among themselves, and all
    // of them together get one turn beside the others: many talkers do not delay a request.
    base::Result<void> watch_bulk(int fd, Watcher& watcher);
    // Other events for a descriptor that is watched.
    base::Result<void> change(int fd, std::uint32_t events, Watcher& watcher);
    // Not watched for a while, and then again: for what would wake us in vain.
    void rest(int fd, std::uint32_t events, Watcher& watcher);
    void forget(int fd);

    // Replaces the one alarm; nothing disarms it. An alarm in the past fires at once.
    void set_alarm(std::optional<Time> at);

    // Processor time of the longest stretch between two waits so far: for so long, at worst, the
    // loop itself kept somebody waiting.
    std::chrono::microseconds longest_turn() const { return longest_turn_; }

    enum class Turn { event, alarm, signal, failed };
    // Waits for one event and hands it to its watcher. For `signal`, `signal_info` is filled.
    Turn wait(signalfd_siginfo& signal_info);

  private:
    struct Watch {
        const base::Fd* queue = nullptr;
        int fd = -1;
        std::uint32_t events = 0;
        void* whom = nullptr;
    };

    base::Result<void> apply(int how, const Watch& what);
    bool postpone(const Watch& what);
    void retry_postponed();
    int patience() const;
    void note_turn();

    base::Fd epoll_;
    base::Fd bulk_;  // a queue of its own, watched by the first
    base::Fd timer_;
    base::Fd signals_;
    std::optional<Time> alarm_;
    std::chrono::microseconds processor_time_{0};  // of this process, when it last began to wait
    std::chrono::microseconds longest_turn_{0};
    bool timer_failed_ = false;  // the alarm is then kept by the wait's own time-out
    std::array<Watch, 32> postponed_{};
    std::size_t postponed_count_ = 0;
    Time retry_at_{};
};

// Blocks every signal but those that tell of a bug in this process, here and for good.
void block_signals();

}  // namespace initd
