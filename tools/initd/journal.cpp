// Lines into rings, and the console's turn at them.
#include "journal.h"

#include <poll.h>
#include <unistd.h>

#include <ctime>

namespace initd {

namespace {

constexpr std::size_t kConsoleRingBytes = 64 * 1024;
constexpr std::size_t kLongestNote = 1024;

std::size_t timestamp(char* to) {
    struct timespec now {};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return format_time(now.tv_sec, now.tv_nsec, to);
}

}  // namespace

std::string_view format_loss(const Ring::Loss& loss, std::span<char> to) {
    std::array<char, 32> time;
    const std::size_t time_length = timestamp(time.data());
    const auto end =
        fmt::format_to_n(to.data(), to.size(), "{} initd lost: {} lines, {} bytes\n",
                         std::string_view(time.data(), time_length), loss.lines, loss.bytes);
    return {to.data(), std::min(end.size, to.size())};
}

base::Result<void> Console::create_ring() {
    ring_ = TRY(Ring::create(kConsoleRingBytes));
    return {};
}

// False when the console takes no more for now.
bool Console::write_some(std::string_view text, std::size_t& written) {
    ssize_t count;
    do {
        count = ::write(fd_.get(), text.data(), text.size());
    } while (count < 0 && errno == EINTR);
    // Whatever is wrong with the console, lines for it are as good as written.
    if (count < 0 && errno != EAGAIN) count = static_cast<ssize_t>(text.size());
    written = count < 0 ? 0 : static_cast<std::size_t>(count);
    return written == text.size();
}

void Console::flush() {
    if (!fd_.valid()) return;
    while (true) {
        std::size_t written = 0;
        if (!loss_rest_.empty()) {
            const bool all = write_some(loss_rest_, written);
            loss_rest_.remove_prefix(written);
            if (!all) return;
        }
        const Ring::Loss loss = ring_.catch_up(cursor_);
        if (loss.bytes > 0) {
            loss_rest_ = format_loss(loss, loss_line_);
            continue;
        }
        const std::string_view text = ring_.peek(cursor_);
        if (text.empty()) return;
        const bool all = write_some(text, written);
        ring_.advance(cursor_, written);
        if (!all) return;
    }
}

void Console::flush_within(std::chrono::milliseconds patience) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + patience;
    flush();
    while (fd_.valid() && (!loss_rest_.empty() || !ring_.peek(cursor_).empty())) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        struct pollfd poll {};
        poll.fd = fd_.get();
        poll.events = POLLOUT;
        if (left.count() <= 0 || ::poll(&poll, 1, static_cast<int>(left.count())) <= 0) return;
        flush();
    }
}

base::Result<void> Journal::create(std::size_t ring_bytes) {
    TRY(console_.create_ring());
    ring_ = TRY(Ring::create(ring_bytes));
    return {};
}

base::Result<void> Journal::resize(std::size_t ring_bytes) {
    Ring larger = TRY(Ring::create(ring_bytes));
    Ring::Cursor cursor = ring_.oldest();
    for (std::string_view text = ring_.peek(cursor); !text.empty(); text = ring_.peek(cursor)) {
        larger.append(text);
        ring_.advance(cursor, text.size());
    }
    ring_ = std::move(larger);
    return {};
}

void Journal::note(std::string_view level, fmt::string_view format, fmt::format_args args) {
    std::array<char, kLongestHead + kLongestNote> line;
    char* const start = line.data();
    std::size_t length = timestamp(start);
    length += fmt::format_to_n(start + length, kLongestHead - length, " initd {}: ", level).size;
    const auto end = fmt::vformat_to_n(start + length, kLongestNote - 1, format, args);
    length += std::min(end.size, kLongestNote - 1);
    line[length++] = '\n';
    const std::string_view text(start, length);
    ring_.append(text);
    console_.append(text);
}

void Journal::service_line(std::string_view service, bool is_error_stream, std::string_view text,
                           bool ended, Ring* own, bool to_console) {
    std::array<char, kLongestHead> head;
    std::size_t length = timestamp(head.data());
    length += std::min(fmt::format_to_n(head.data() + length, kLongestHead - length, " {} {}{}: ",
                                        service, is_error_stream ? "err" : "out", ended ? "" : "+")
                           .size,
                       kLongestHead - length);
    const std::string_view parts[] = {{head.data(), length}, text, "\n"};
    for (const std::string_view part : parts) {
        ring_.append(part);
        if (own != nullptr) own->append(part);
        if (to_console && console_enabled_) console_.append(part);
    }
}

void Journal::raw_line(std::string_view line) {
    for (const std::string_view part : {line, std::string_view("\n")}) {
        ring_.append(part);
        console_.append(part);
    }
}

}  // namespace initd
