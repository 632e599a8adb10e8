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

// "TIME initd LEVEL: TEXT\n" in another format; other lines as they are.
std::string_view convert_note(std::string_view line, LineFormat format, std::span<char> to) {
    constexpr std::string_view kName = " initd ";
    const std::size_t name = line.find(kName);
    const std::size_t colon = line.find(": ");
    if (name == std::string_view::npos || colon == std::string_view::npos || colon < name) {
        return line;
    }
    const std::size_t level = name + kName.size();
    std::string_view text = line.substr(colon + 2);
    text.remove_suffix(text.ends_with('\n') ? 1 : 0);
    return {to.data(),
            put_note(format, line.substr(0, name), line.substr(level, colon - level), text, to)};
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

base::Result<void> Journal::reshape(std::size_t ring_bytes, LineFormat format) {
    Ring other = TRY(Ring::create(ring_bytes));
    Ring::Cursor cursor = ring_.oldest();
    std::array<char, kLongestHead + kLongestNote> memory;
    for (auto lines = ring_.lines(cursor, 1); !lines[0].empty(); lines = ring_.lines(cursor, 1)) {
        for (const std::string_view piece : lines)
            ring_.advance(cursor, piece.size());
        const std::string line = std::string(lines[0]) + std::string(lines[1]);
        other.append(format == format_ ? line : convert_note(line, format, memory));
    }
    ring_ = std::move(other);
    format_ = format;
    console_.set_format(format);
    return {};
}

void Journal::note(std::string_view level, fmt::string_view format, fmt::format_args args) {
    std::array<char, kLongestNote> text;
    const auto end = fmt::vformat_to_n(text.data(), text.size(), format, args);
    std::array<char, 32> time;
    const std::size_t time_bytes = timestamp(time.data());
    std::array<char, kLongestHead + kLongestNote> memory;
    const std::size_t length = put_note(format_, {time.data(), time_bytes}, level,
                                        {text.data(), std::min(end.size, text.size())}, memory);
    const std::string_view line(memory.data(), length);
    ring_.append(line);
    console_.append(line);
}

void Journal::begin_lines(const LineOrigin& origin) {
    origin_ = origin;
    head_bytes_ = put_head(format_, wall_clock(), origin.service, origin.is_error_stream, head_);
}

void Journal::add_line(std::string_view text, bool ended) {
    text = text.substr(0, kLongestLine);
    bool whole;
    do {
        if (batch_bytes_ + kLongestEntry > kBatchBytes) end_lines();
        char* const start = batch_.get() + batch_bytes_;
        char* to = start;
        const auto put = [&to](std::string_view part) {
            std::memcpy(to, part.data(), part.size());
            to += part.size();
        };
        const std::string_view head(head_.data(), head_bytes_);
        if (format_ == LineFormat::json) {
            put(head);
            // Escapes may make it longer than a line may be: then it goes on in another.
            const Escaped done = escape_json(text, {to, kLongestLine});
            to += done.written;
            text.remove_prefix(done.taken);
            whole = text.empty();
            put(whole && ended ? "\"}" : "\",\"more\":true}");
        } else {
            put(ended ? head : head.substr(0, head.size() - 2));
            if (!ended) put("+: ");
            put(text);
            whole = true;
        }
        *to++ = '\n';
        batch_bytes_ += static_cast<std::size_t>(to - start);
    } while (!whole);
}

void Journal::end_lines() {
    const std::string_view lines(batch_.get(), batch_bytes_);
    ring_.append(lines);
    if (origin_.own != nullptr) origin_.own->append(lines);
    if (origin_.to_console && console_enabled_) console_.append(lines);
    batch_bytes_ = 0;
}

void Journal::raw_line(std::string_view line) {
    console_.append(line);
    console_.append("\n");
    if (format_ == LineFormat::json) {
        std::array<char, 32> time;
        const std::size_t time_bytes = timestamp(time.data());
        std::array<char, kLongestHead + 2 * kLongestNote> memory;
        ring_.append(
            {memory.data(), put_note(format_, {time.data(), time_bytes}, "end", line, memory)});
        return;
    }
    ring_.append(line);
    ring_.append("\n");
}

}  // namespace initd
