// Three states.
#include "escape.h"

namespace pipeline {

Escape::Typed Escape::take(std::string_view& typed) {
    Typed taken;
    while (!typed.empty()) {
        const char character = typed[0];
        typed.remove_prefix(1);
        if (state_ == State::line_start && character == '~') {
            state_ = State::tilde;
            continue;
        }
        if (state_ == State::tilde) {
            state_ = State::line_start;
            if (character == '.') taken.ask = Ask::end;
            if (character == '?') taken.ask = Ask::help;
            if (taken.ask != Ask::nothing) return taken;
            taken.send += '~';
            if (character == '~') {
                state_ = State::middle;
                continue;
            }
        }
        taken.send += character;
        state_ = character == '\r' || character == '\n' ? State::line_start : State::middle;
    }
    return taken;
}

}  // namespace pipeline
