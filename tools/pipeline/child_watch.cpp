// One descriptor and one timer.
#include "child_watch.h"

#include <csignal>

namespace pipeline {

struct ChildWatch::State {
    Child* child;
    Ended ended;
    std::optional<loop::Poll> poll;
    std::optional<loop::Timer> timer;
    bool timed_out = false;
    bool stopping = false;

    State(Child& watched, Ended callback) : child(&watched), ended(std::move(callback)) {}

    void stop(int signal) {
        if (stopping) return;
        stopping = true;
        child->signal(signal);
        // What was stopped cannot hear.
        child->signal(SIGCONT);
        timer->start(kGrace);
    }
    void on_timer() {
        if (stopping) return child->kill_all();
        timed_out = true;
        stop(SIGTERM);
    }
    void on_end() {
        const auto end = child->end();
        if (!end) return;
        poll->watch(0);
        timer->stop();
        child->kill_all();
        // The callback may destroy this.
        const Ended callback = std::move(ended);
        callback(*end, timed_out);
    }
};

base::Result<ChildWatch> ChildWatch::create(loop::Loop& loop, Child& child,
                                            std::optional<std::chrono::milliseconds> limit,
                                            Ended ended) {
    auto state = std::make_unique<State>(child, std::move(ended));
    State* borrowed = state.get();
    state->timer = TRY(loop::Timer::create(loop, [borrowed] { borrowed->on_timer(); }));
    state->poll =
        TRY(loop::Poll::create(loop, child.end_fd(), [borrowed](int) { borrowed->on_end(); }));
    state->poll->watch(loop::Poll::kReadable);
    if (limit) state->timer->start(*limit);
    return ChildWatch(std::move(state));
}

ChildWatch::ChildWatch(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChildWatch::ChildWatch(ChildWatch&&) noexcept = default;
ChildWatch::~ChildWatch() = default;

void ChildWatch::stop(int signal) {
    state_->stop(signal);
}

}  // namespace pipeline
