// libuv in RAII: the only room that includes <uv.h>.
//
// One loop per process, run by one thread. A handle object owns its libuv handle; destroying the
// object closes the handle, whose memory lives until libuv's close callback. Callbacks may
// destroy the object that called them. No callback may throw.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/fd.h"
#include "base/result.h"

struct uv_loop_s;
struct uv_poll_s;
struct uv_timer_s;
struct uv_signal_s;
struct uv_idle_s;

namespace loop {

namespace detail {
class EdgeSet;
}

class Loop {
  public:
    static base::Result<Loop> create();
    Loop(Loop&&) noexcept;
    ~Loop();  // every handle must have been destroyed before

    // Runs until stop() or until no active handle, Edge or due Turn is left.
    void run();
    void stop();
    // Milliseconds on a clock that only goes forward; cached once per turn.
    std::chrono::milliseconds now() const;
    uv_loop_s* raw() { return loop_.get(); }
    detail::EdgeSet& edges() { return *edges_; }

  private:
    struct Deleter {
        void operator()(uv_loop_s*) const;
        void operator()(detail::EdgeSet*) const;
    };
    explicit Loop(uv_loop_s* loop) : loop_(loop) {}
    void turn();
    std::unique_ptr<uv_loop_s, Deleter> loop_;
    std::unique_ptr<detail::EdgeSet, Deleter> edges_;
    bool stopped_ = false;
};

namespace detail {
// Owns a heap-allocated uv handle together with its callback.
template <typename Raw>
struct Handle;
template <typename Raw>
struct Closer {
    void operator()(Handle<Raw>*) const;
};
template <typename Raw>
using HandlePtr = std::unique_ptr<Handle<Raw>, Closer<Raw>>;
}  // namespace detail

// Readiness of a borrowed descriptor, which must stay open while the Poll lives and may have only
// one Poll.
class Poll {
  public:
    static constexpr int kReadable = 1;
    static constexpr int kWritable = 2;
    // `ready` gets the set of events; on a descriptor error both are reported, so that the next
    // read or write finds the errno.
    using Callback = std::function<void(int events)>;

    // An Error with errno EPERM for descriptors that are always ready (regular files).
    static base::Result<Poll> create(Loop& loop, int fd, Callback ready);
    Poll(Poll&&) noexcept;
    Poll& operator=(Poll&&) noexcept;
    ~Poll();

    // 0 stops watching.
    void watch(int events);

  private:
    explicit Poll(detail::HandlePtr<uv_poll_s> handle);
    detail::HandlePtr<uv_poll_s> handle_;
};

class Timer {
  public:
    using Callback = std::function<void()>;
    static base::Result<Timer> create(Loop& loop, Callback fired);
    Timer(Timer&&) noexcept;
    Timer& operator=(Timer&&) noexcept;
    ~Timer();

    void start(std::chrono::milliseconds delay,
               std::chrono::milliseconds repeat = std::chrono::milliseconds(0));
    void stop();

  private:
    explicit Timer(detail::HandlePtr<uv_timer_s> handle);
    detail::HandlePtr<uv_timer_s> handle_;
};

class Signal {
  public:
    using Callback = std::function<void(int signal)>;
    static base::Result<Signal> create(Loop& loop, int signal, Callback arrived);
    Signal(Signal&&) noexcept;
    Signal& operator=(Signal&&) noexcept;
    ~Signal();

  private:
    explicit Signal(detail::HandlePtr<uv_signal_s> handle);
    detail::HandlePtr<uv_signal_s> handle_;
};

// Called once per turn of the loop while started: for descriptors that are always ready.
class Idle {
  public:
    using Callback = std::function<void()>;
    static base::Result<Idle> create(Loop& loop, Callback turn);
    Idle(Idle&&) noexcept;
    Idle& operator=(Idle&&) noexcept;
    ~Idle();

    void start();
    void stop();

  private:
    explicit Idle(detail::HandlePtr<uv_idle_s> handle);
    detail::HandlePtr<uv_idle_s> handle_;
};

}  // namespace loop
