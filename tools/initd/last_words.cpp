// What the running part says when PID 1 itself has crashed. Runs in a signal handler: no memory is
// asked for, and nobody is waited for longer than a moment.
#include <poll.h>
#include <unistd.h>

#include <array>

#include "runtime.h"
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

base::Result<void> Runtime::prepare_last_words() {
    TRY(farewell_.prepare());
    crash_end_.action = EndAction::reboot;
    crash_end_.reason = "fatal";
    crash_end_.detail.reserve(kRoom);
    crash_end_.final_line.reserve(kRoom);
    watch_for_crashes(*this, booted_.container);
    return {};
}

void Runtime::tell_crash(int signal, const void* address, std::size_t instruction, bool plainly) {
    std::array<char, kRoom> text;
    const auto words = [&](auto format, const auto&... values) {
        const auto end = fmt::format_to_n(text.data(), text.size(), format, values...);
        return std::string_view(text.data(), std::min(end.size, text.size()));
    };
    crash_end_.status = 128 + signal;
    crash_end_.detail = words(FMT_STRING("PID 1 caught {} at address {}, instruction initd+{:#x}"),
                              signal_name(signal), address, instruction);
    crash_end_.final_line =
        words(FMT_STRING("{{ \"status\": \"fatal\", \"error\": \"{}\" }}\n"), crash_end_.detail);
    if (plainly)
        farewell_.compose_plainly(crash_end_);
    else
        farewell_.compose(crash_end_, booted_, &*supervisor_, units_);
    const std::string_view status = farewell_.as_status(crash_end_.final_line);
    status_readers_.last_words(status.empty() ? std::string_view(crash_end_.final_line) : status);
    if (!plainly) {
        log_readers_.flush();
        journal_.console().flush_within(kConsolePatience);
    }
    const int console = journal_.console().fd() >= 0 ? journal_.console().fd() : STDERR_FILENO;
    farewell_.as_block([&](std::string_view part) { write_out(console, part); });
}

}  // namespace initd
