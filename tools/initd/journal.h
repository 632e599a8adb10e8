// PID 1's log: one line per event into a ring, mirrored to the console, never waiting for anyone.
//
//   2026-01-31T23:59:59.123Z initd info: service web started, pid 12
//   2026-01-31T23:59:59.124Z web out: what the service printed
//   2026-01-31T23:59:59.125Z initd lost: 12 lines, 3456 bytes
//
// The console is one more reader with its own ring: when it is slow it gets a loss line, PID 1
// goes on. Readers on the log port: readers.h. Nothing here allocates after create().
#pragma once

#include <array>
#include <chrono>
#include <ctime>
#include <memory>
#include <string_view>

#include "base/fd.h"
#include "base/format.h"
#include "base/result.h"
#include "feed.h"
#include "ring.h"

namespace initd {

struct timespec wall_clock();

class Console {
  public:
    base::Result<void> create_ring();
    // From now on lines go to `fd`, which is non-blocking or never blocks (a file).
    void attach(base::Fd fd) { fd_ = std::move(fd); }
    int fd() const { return fd_.get(); }

    void append(std::string_view text) { ring_.append(text); }
    void set_format(LineFormat format) { feed_.set_format(format); }
    // Writes what the console takes now.
    void flush();
    // Writes all, waiting at most `patience`: for the very last lines.
    void flush_within(std::chrono::milliseconds patience);

  private:
    base::Fd fd_;
    Ring ring_;
    Feed feed_;
};

// Where lines of one of a service's streams come from, and where they go besides the journal.
struct LineOrigin {
    std::string_view service;
    bool is_error_stream = false;
    Ring* own = nullptr;  // may be null
    bool to_console = false;
};

class Journal {
  public:
    base::Result<void> create(std::size_t ring_bytes);
    // Exchanges the ring for one of another size and the format of lines for another; what was
    // logged so far, by initd only, is kept as it fits.
    base::Result<void> reshape(std::size_t ring_bytes, LineFormat format);
    LineFormat format() const { return format_; }

    Console& console() { return console_; }
    const Ring& ring() const { return ring_; }
    // Whether output of services is mirrored to the console at all.
    void set_console_enabled(bool enabled) { console_enabled_ = enabled; }
    bool console_enabled() const { return console_enabled_; }

    template <typename... Args>
    void info(fmt::format_string<Args...> format, Args&&... args) {
        note("info", format, fmt::make_format_args(args...));
    }
    template <typename... Args>
    void warning(fmt::format_string<Args...> format, Args&&... args) {
        note("warning", format, fmt::make_format_args(args...));
    }
    template <typename... Args>
    void error(fmt::format_string<Args...> format, Args&&... args) {
        note("error", format, fmt::make_format_args(args...));
    }

    // Lines of a service that were read at one moment: they get one time, and rings and console
    // get them in few pieces. Nothing else may be logged between begin and end.
    void begin_lines(const LineOrigin& origin);
    // `ended` is false for a part of a long line.
    void add_line(std::string_view text, bool ended);
    void end_lines();
    // The text as it stands, for what machines parse.
    void raw_line(std::string_view line);

  private:
    void note(std::string_view level, fmt::string_view format, fmt::format_args args);

    static constexpr std::size_t kBatchBytes = 32 * 1024;

    Ring ring_;
    LineFormat format_ = LineFormat::text;
    LineOrigin origin_;
    std::array<char, kLongestHead> head_{};  // of lines of the origin
    std::size_t head_bytes_ = 0;
    std::unique_ptr<char[]> batch_;
    std::size_t batch_bytes_ = 0;
    Console console_;
    bool console_enabled_ = true;
};

}  // namespace initd
