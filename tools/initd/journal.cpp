// Lines into rings, and the console's turn at them.
#include "journal.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace initd {

namespace {

constexpr std::size_t kConsoleRingBytes = 64 * 1024;
constexpr std::size_t kLongestNote = 1024;

std::size_t timestamp(char* to) {
    const struct timespec now = wall_clock();
    return format_time(now.tv_sec, now.tv_nsec, to);
}

}  // namespace

struct timespec wall_clock() {
    struct timespec now {};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

base::Result<void> Console::create_ring() {
    ring_ = TRY(Ring::create(kConsoleRingBytes));
    feed_.begin(ring_, ring_.oldest());
    return {};
}

// At most one ring in a turn: nothing is appended meanwhile.
void Console::flush() {
    if (!fd_.valid()) return;
    while (true) {
        const std::string_view text = feed_.next(wall_clock());
        if (text.empty()) return;
        ssize_t count;
        do {
            count = ::write(fd_.get(), text.data(), text.size());
        } while (count < 0 && errno == EINTR);
        if (count < 0 && errno == EAGAIN) return;
        // Whatever else is wrong with the console, lines for it are as good as written.
        feed_.took(count < 0 ? text.size() : static_cast<std::size_t>(count));
        if (count >= 0 && static_cast<std::size_t>(count) < text.size()) return;
    }
}

void Console::flush_within(std::chrono::milliseconds patience) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + patience;
    flush();
    while (fd_.valid() && !feed_.finished()) {
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
    batch_ = std::make_unique_for_overwrite<char[]>(kBatchBytes);
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

void Journal::begin_lines(const LineOrigin& origin) {
    origin_ = origin;
    head_bytes_ = timestamp(head_.data());
    const std::size_t room = head_.size() - head_bytes_;
    const auto end = fmt::format_to_n(head_.data() + head_bytes_, room, " {} {}: ", origin.service,
                                      origin.is_error_stream ? "err" : "out");
    head_bytes_ += std::min(end.size, room);
}

void Journal::add_line(std::string_view text, bool ended) {
    if (batch_bytes_ + kLongestEntry + 1 > kBatchBytes) end_lines();
    char* to = batch_.get() + batch_bytes_;
    const auto put = [&to](std::string_view part) {
        std::memcpy(to, part.data(), part.size());
        to += part.size();
    };
    const std::string_view head(head_.data(), head_bytes_);
    if (ended) {
        put(head);
    } else {
        put(head.substr(0, head.size() - 2));
        put("+: ");
    }
    put(text.substr(0, kLongestLine));
    *to++ = '\n';
    batch_bytes_ = static_cast<std::size_t>(to - batch_.get());
}

void Journal::end_lines() {
    const std::string_view lines(batch_.get(), batch_bytes_);
    ring_.append(lines);
    if (origin_.own != nullptr) origin_.own->append(lines);
    if (origin_.to_console && console_enabled_) console_.append(lines);
    batch_bytes_ = 0;
}

void Journal::raw_line(std::string_view line) {
    for (const std::string_view part : {line, std::string_view("\n")}) {
        ring_.append(part);
        console_.append(part);
    }
}

}  // namespace initd
