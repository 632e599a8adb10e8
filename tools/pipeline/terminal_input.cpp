// Keys into a stream.
#include "terminal_input.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"

namespace pipeline {

base::Result<std::unique_ptr<TerminalInput>> TerminalInput::create(
    loop::Loop& loop, base::Fd terminal, Stream& stream, std::function<void(Escape::Ask)> asked,
    std::function<void()> ended) {
    std::unique_ptr<TerminalInput> input(
        new TerminalInput(std::move(terminal), stream, std::move(asked), std::move(ended)));
    TerminalInput& self = *input;
    input->poll_ =
        TRY(loop::Poll::create(loop, self.terminal_.get(), [&self](int) { self.on_typed(); }));
    input->poll_->watch(loop::Poll::kReadable);
    return input;
}

void TerminalInput::on_typed() {
    std::array<char, 4096> typed;
    const ssize_t count = ::read(terminal_.get(), typed.data(), typed.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        poll_->watch(0);
        return ended_();
    }
    std::string_view rest(typed.data(), static_cast<std::size_t>(count));
    while (!rest.empty()) {
        const Escape::Typed taken = escape_.take(rest);
        waiting_ += taken.send;
        if (taken.ask == Escape::Ask::end) return asked_(taken.ask);  // may destroy this
        if (taken.ask != Escape::Ask::nothing) asked_(taken.ask);
    }
    if (!pass_on()) poll_->watch(0);
}

void TerminalInput::on_room() {
    if (pass_on()) poll_->watch(loop::Poll::kReadable);
}

bool TerminalInput::pass_on() {
    while (!waiting_.empty()) {
        const std::span<std::byte> room = stream_.prepare();
        if (room.empty()) return false;
        const std::size_t size = std::min(room.size(), waiting_.size());
        std::ranges::copy(base::as_bytes(waiting_).first(size), room.begin());
        stream_.commit(0, size);
        waiting_.erase(0, size);
    }
    return true;
}

}  // namespace pipeline
