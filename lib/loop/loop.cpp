// libuv handles with owners.
#include "loop/loop.h"

#include <uv.h>

#include "loop/edge_set.h"

namespace loop {

using base::Error;
using base::Result;

namespace detail {

template <typename Raw>
struct CallbackOf;
template <>
struct CallbackOf<uv_poll_t> {
    using type = Poll::Callback;
};
template <>
struct CallbackOf<uv_timer_t> {
    using type = Timer::Callback;
};
template <>
struct CallbackOf<uv_signal_t> {
    using type = Signal::Callback;
};
template <>
struct CallbackOf<uv_idle_t> {
    using type = Idle::Callback;
};

template <typename Raw>
struct Handle {
    Raw raw{};
    int watched_events = 0;  // of a Poll
    typename CallbackOf<Raw>::type callback;
};

template <typename Raw>
void Closer<Raw>::operator()(Handle<Raw>* handle) const {
    // The object may be destroyed from within its own callback, so the callback's memory has to
    // outlive this call: it goes with the handle.
    uv_close(reinterpret_cast<uv_handle_t*>(&handle->raw),
             [](uv_handle_t* closed) { delete static_cast<Handle<Raw>*>(closed->data); });
}

namespace {

template <typename Raw>
Handle<Raw>* owner(Raw* raw) {
    return static_cast<Handle<Raw>*>(raw->data);
}

// `initialize` returns libuv's status; a handle that failed to initialize is simply deleted.
template <typename Raw, typename Initialize>
Result<HandlePtr<Raw>> make_handle(typename CallbackOf<Raw>::type callback, const char* operation,
                                   Initialize initialize) {
    auto handle = std::make_unique<Handle<Raw>>();
    handle->callback = std::move(callback);
    const int status = initialize(&handle->raw);
    if (status != 0) return Error::system(operation, "", -status);
    handle->raw.data = handle.get();
    return HandlePtr<Raw>(handle.release());
}

}  // namespace
}  // namespace detail

Result<Loop> Loop::create() {
    auto raw = std::make_unique<uv_loop_t>();
    const int status = uv_loop_init(raw.get());
    if (status != 0) return Error::system("start the event loop", "", -status);
    Loop loop(raw.release());
    loop.edges_.reset(TRY(detail::EdgeSet::create(uv_backend_fd(loop.raw()))).release());
    return loop;
}

void Loop::Deleter::operator()(uv_loop_s* loop) const {
    // Close callbacks of handles destroyed after the last turn are still due.
    uv_run(loop, UV_RUN_NOWAIT);
    uv_loop_close(loop);
    delete loop;
}

void Loop::Deleter::operator()(detail::EdgeSet* edges) const {
    delete edges;
}

Loop::Loop(Loop&&) noexcept = default;
Loop::~Loop() = default;

void Loop::run() {
    while (!stopped_ && (edges_->alive() || uv_loop_alive(loop_.get()) != 0))
        turn();
    stopped_ = false;
}

// The set waits, also for libuv's own descriptor; libuv gets the word when it has something to do,
// and never waits itself.
void Loop::turn() {
    const auto patience = [this] {
        uv_update_time(loop_.get());
        return uv_loop_alive(loop_.get()) != 0 ? uv_backend_timeout(loop_.get()) : -1;
    };
    const bool ready = edges_->wait(edges_->turns_due() ? 0 : patience());
    if (ready || patience() == 0) uv_run(loop_.get(), UV_RUN_NOWAIT);
    edges_->run_turns();
}

void Loop::stop() {
    stopped_ = true;
}

std::chrono::milliseconds Loop::now() const {
    return std::chrono::milliseconds(uv_now(loop_.get()));
}

Turn::Turn(Loop& loop, std::function<void()> due) : set_(loop.edges()), due_(std::move(due)) {}

Result<std::unique_ptr<Edge>> Edge::create(Loop& loop, base::Fd fd) {
    std::unique_ptr<Edge> edge(new Edge(loop.edges(), std::move(fd)));
    const Result<void> added = loop.edges().add(*edge);
    if (!added.ok()) {
        if (added.error().errno_value != EPERM) return added.error();
        edge->ready_ = {true, true, false};
    }
    return edge;
}

Result<Poll> Poll::create(Loop& loop, int fd, Callback ready) {
    return Poll(TRY(detail::make_handle<uv_poll_t>(
        std::move(ready), "watch a descriptor",
        [&](uv_poll_t* raw) { return uv_poll_init(loop.raw(), raw, fd); })));
}

void Poll::watch(int events) {
    if (events == handle_->watched_events) return;
    handle_->watched_events = events;
    if (events == 0) {
        uv_poll_stop(&handle_->raw);
        return;
    }
    const int wanted =
        (events & kReadable ? UV_READABLE : 0) | (events & kWritable ? UV_WRITABLE : 0);
    uv_poll_start(&handle_->raw, wanted, [](uv_poll_t* raw, int status, int seen) {
        const int all = kReadable | kWritable;
        const int ready =
            (seen & UV_READABLE ? kReadable : 0) | (seen & UV_WRITABLE ? kWritable : 0);
        // libuv stops watching a descriptor whose error it reports.
        if (status < 0) detail::owner(raw)->watched_events = 0;
        detail::owner(raw)->callback(status < 0 ? all : ready);
    });
}

Poll::Poll(detail::HandlePtr<uv_poll_s> handle) : handle_(std::move(handle)) {}
Poll::Poll(Poll&&) noexcept = default;
Poll& Poll::operator=(Poll&&) noexcept = default;
Poll::~Poll() = default;

Result<Timer> Timer::create(Loop& loop, Callback fired) {
    return Timer(
        TRY(detail::make_handle<uv_timer_t>(std::move(fired), "make a timer", [&](uv_timer_t* raw) {
            return uv_timer_init(loop.raw(), raw);
        })));
}

void Timer::start(std::chrono::milliseconds delay, std::chrono::milliseconds repeat) {
    uv_timer_start(
        &handle_->raw, [](uv_timer_t* raw) { detail::owner(raw)->callback(); },
        static_cast<std::uint64_t>(delay.count()), static_cast<std::uint64_t>(repeat.count()));
}

void Timer::stop() {
    uv_timer_stop(&handle_->raw);
}

Timer::Timer(detail::HandlePtr<uv_timer_s> handle) : handle_(std::move(handle)) {}
Timer::Timer(Timer&&) noexcept = default;
Timer& Timer::operator=(Timer&&) noexcept = default;
Timer::~Timer() = default;

Result<Signal> Signal::create(Loop& loop, int signal, Callback arrived) {
    Signal made(TRY(detail::make_handle<uv_signal_t>(
        std::move(arrived), "watch a signal",
        [&](uv_signal_t* raw) { return uv_signal_init(loop.raw(), raw); })));
    const int status = uv_signal_start(
        &made.handle_->raw,
        [](uv_signal_t* raw, int number) { detail::owner(raw)->callback(number); }, signal);
    if (status != 0) return Error::system("watch a signal", "", -status);
    return made;
}

Signal::Signal(detail::HandlePtr<uv_signal_s> handle) : handle_(std::move(handle)) {}
Signal::Signal(Signal&&) noexcept = default;
Signal& Signal::operator=(Signal&&) noexcept = default;
Signal::~Signal() = default;

Result<Idle> Idle::create(Loop& loop, Callback turn) {
    return Idle(TRY(detail::make_handle<uv_idle_t>(
        std::move(turn), "make an idle handle",
        [&](uv_idle_t* raw) { return uv_idle_init(loop.raw(), raw); })));
}

void Idle::start() {
    uv_idle_start(&handle_->raw, [](uv_idle_t* raw) { detail::owner(raw)->callback(); });
}

void Idle::stop() {
    uv_idle_stop(&handle_->raw);
}

Idle::Idle(detail::HandlePtr<uv_idle_s> handle) : handle_(std::move(handle)) {}
Idle::Idle(Idle&&) noexcept = default;
Idle& Idle::operator=(Idle&&) noexcept = default;
Idle::~Idle() = default;

}  // namespace loop
