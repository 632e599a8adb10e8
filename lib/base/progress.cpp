// The progress line: plain ASCII and no colour, so NO_COLOR has nothing to switch off.
#include "base/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace base {

namespace {

constexpr std::chrono::milliseconds kFirstShown{1000};
constexpr std::chrono::milliseconds kInterval{200};
constexpr std::string_view kEraseLine = "\r\x1b[K";

bool can_show() {
    const char* terminal = std::getenv("TERM");
    return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr &&
           std::string_view(terminal) != "dumb";
}

unsigned terminal_columns() {
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

}  // namespace

std::string progress_line(std::string_view label, std::uint64_t done_bytes,
                          std::uint64_t total_bytes, std::chrono::milliseconds elapsed,
                          unsigned columns) {
    const double seconds = std::max(static_cast<double>(elapsed.count()) / 1000, 0.001);
    const double rate = static_cast<double>(done_bytes) / seconds;
    std::string facts = format_size(done_bytes);
    double share = 0;
    if (total_bytes > 0) {
        share = std::min(static_cast<double>(done_bytes) / static_cast<double>(total_bytes), 1.0);
        facts += fmt::format(" of {} {:3.0f}%", format_size(total_bytes), share * 100);
    }
    facts += fmt::format("  {}/s", format_size(static_cast<std::uint64_t>(rate)));
    if (total_bytes > done_bytes && rate > 0) {
        const double left = static_cast<double>(total_bytes - done_bytes) / rate;
        const auto whole_seconds = static_cast<std::int64_t>(std::min(left, 359'999.0)) + 1;
        facts += fmt::format(
            "  {} left", whole_seconds < 60 ? fmt::format("{}s", whole_seconds)
                                            : format_duration(std::chrono::seconds(whole_seconds)));
    }
    std::string line = fmt::format("{} ", label);
    const std::size_t used = line.size() + facts.size() + 4;
    if (total_bytes > 0 && used + 10 <= columns) {
        const std::size_t width = std::min<std::size_t>(columns - used, 40);
        const auto filled = static_cast<std::size_t>(share * static_cast<double>(width));
        line += fmt::format("[{}{}] ", std::string(filled, '#'), std::string(width - filled, '.'));
    }
    line += facts;
    if (line.size() >= columns) line.resize(columns > 0 ? columns - 1 : 0);
    return line;
}

Progress::Progress(std::string_view label, std::uint64_t total_bytes)
    : label_(label),
      total_bytes_(total_bytes),
      start_(std::chrono::steady_clock::now()),
      next_(start_ + kFirstShown),
      terminal_(can_show()) {}

Progress::~Progress() {
    if (shown_) (void)write_all(STDERR_FILENO, as_bytes(kEraseLine), "standard error");
}

void Progress::advance(std::uint64_t bytes) {
    done_bytes_ += bytes;
    if (!terminal_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_) show(now);
}

void Progress::show(std::chrono::steady_clock::time_point now) {
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - start_);
    std::string text(kEraseLine);
    text += progress_line(label_, done_bytes_, total_bytes_, elapsed, terminal_columns());
    (void)write_all(STDERR_FILENO, as_bytes(text), "standard error");
    next_ = now + kInterval;
    shown_ = true;
}

}  // namespace base
