// What the tests of one service share: the service with a clock that the test moves, and looks at
// the actions that came out.
#pragma once

#include <algorithm>

#include "service.h"

namespace initd::test {

inline constexpr State kStates[] = {State::idle,     State::waiting, State::launching,
                                    State::starting, State::running, State::backing_off,
                                    State::stopping, State::killing, State::stopped,
                                    State::finished, State::failed};

inline Event exited(int code) {
    return {Event::Kind::ended, {Ending::How::exited, code, Step::none}};
}

inline const Action* find(const Actions& actions, Action::Kind kind) {
    const Action* found = std::find_if(actions.begin(), actions.end(),
                                       [&](const Action& action) { return action.kind == kind; });
    return found == actions.end() ? nullptr : found;
}

struct Bench {
    explicit Bench(const Policy& policy = {}) : service(policy) {}

    // `when` counts from the start.
    Actions at(milliseconds when, const Event& event) {
        return service.handle(event, start + when);
    }
    // Until its program runs.
    void run(milliseconds when) {
        at(when, {Event::Kind::requested});
        at(when, {Event::Kind::released});
        at(when, {Event::Kind::executed});
    }
    // When the timer that an event armed fires, since the start; -1 when it armed none.
    milliseconds armed(const Actions& actions) const {
        const Action* arm = find(actions, Action::Kind::arm_timer);
        if (arm == nullptr) return milliseconds(-1);
        return std::chrono::duration_cast<milliseconds>(arm->at - start);
    }
    State state() const { return service.state(); }

    static constexpr Time start = Time{} + std::chrono::hours(1);
    Service service;
};

}  // namespace initd::test
