// Runs in a signal handler: no memory is asked for, and nobody is waited for longer than a moment.
#include "last_words.h"

#include <poll.h>
#include <unistd.h>

#include <array>

#include "signals.h"

namespace initd {

namespace {

constexpr std::size_t kRoom = 256;
constexpr std::chrono::milliseconds kConsolePatience{300};

void write_out(int fd, std::string_view text) {
    struct pollfd poll {
        fd, POLLOUT, 0
    };
    while (!text.empty() && ::poll(&poll, 1, static_cast<int>(kConsolePatience.count())) > 0) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno != EAGAIN && errno != EINTR) return;
        if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
    }
}

}  // namespace

base::Result<void> LastWords::prepare() {
    TRY(farewell_.prepare());
    end_.action = EndAction::reboot;
    end_.reason = "fatal";
    end_.detail.reserve(kRoom);
    end_.final_line.reserve(kRoom);
    watch_for_crashes(*this);
    return {};
}

void LastWords::tell_crash(int signal, const void* address, std::size_t instruction, bool plainly) {
    std::array<char, kRoom> text;
    const auto words = [&](auto format, const auto&... values) {
        const auto end = fmt::format_to_n(text.data(), text.size(), format, values...);
        return std::string_view(text.data(), std::min(end.size, text.size()));
    };
    end_.status = 128 + signal;
    end_.detail = words(FMT_STRING("PID 1 caught {} at address {}, instruction initd+{:#x}"),
                        signal_name(signal), address, instruction);
    end_.final_line =
        words(FMT_STRING("{{ \"status\": \"fatal\", \"error\": \"{}\" }}\n"), end_.detail);
    if (plainly || !running_)
        farewell_.compose_plainly(end_);
    else
        farewell_.compose(end_, *running_->booted, running_->supervisor, *running_->units);
    if (running_) {
        const std::string_view status = farewell_.as_status(end_.final_line);
        running_->status->last_words(status.empty() ? std::string_view(end_.final_line) : status);
    }
    if (!plainly) {
        if (running_) running_->log->flush();
        journal_.console().flush_within(kConsolePatience);
    }
    const int console = journal_.console().fd() >= 0 ? journal_.console().fd() : STDERR_FILENO;
    farewell_.as_block([&](std::string_view part) { write_out(console, part); });
}

}  // namespace initd
