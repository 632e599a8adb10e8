// Cuts a byte stream into lines, and heads every line with time, service and stream.
//
//   2026-01-31T23:59:59.123Z web out: text of the line
//
// A line longer than kLongestLine is cut, and every part that is not its end carries a '+' after
// the stream's name. Pure but for the memory of an unfinished line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace initd {

inline constexpr std::size_t kLongestLine = 8 * 1024;
inline constexpr std::size_t kLongestHead = 192;  // time, name (64), stream, and keys in JSON

class LineCutter {
  public:
    // Calls `sink(text, ended)` for each line without its newline; `ended` is false for a part
    // that the rest of the line follows.
    template <typename Sink>
    void feed(std::string_view bytes, Sink&& sink) {
        while (!bytes.empty()) {
            const std::size_t newline = bytes.find('\n');
            const bool ended = newline != std::string_view::npos;
            const std::string_view part = bytes.substr(0, ended ? newline : bytes.size());
            bytes.remove_prefix(ended ? newline + 1 : bytes.size());
            add(part, ended, sink);
        }
    }

    // At the end of the stream: an unfinished line is a line.
    template <typename Sink>
    void finish(Sink&& sink) {
        if (held_bytes_ > 0) sink(held(), true);
        release();
    }

  private:
    template <typename Sink>
    void add(std::string_view part, bool ended, Sink&& sink) {
        while (held_bytes_ + part.size() > kLongestLine) {
            const std::size_t count = kLongestLine - held_bytes_;
            if (held_bytes_ == 0) {
                sink(part.substr(0, count), false);
            } else {
                hold(part.substr(0, count));
                sink(held(), false);
                held_bytes_ = 0;
            }
            part.remove_prefix(count);
        }
        if (ended && held_bytes_ == 0) {
            sink(part, true);
        } else if (ended) {
            hold(part);
            sink(held(), true);
            release();
        } else if (!part.empty() && !hold(part)) {
            sink(part, false);  // no memory: rather in two parts than lost
        }
    }

    std::string_view held() const { return {memory_.get(), held_bytes_}; }
    bool hold(std::string_view part);
    void release() {
        memory_.reset();
        held_bytes_ = 0;
    }

    std::unique_ptr<char[]> memory_;  // kLongestLine while a line is unfinished
    std::size_t held_bytes_ = 0;
};

// Newlines in the text, eight bytes at a time: rings count all they take and all they give up.
std::uint64_t count_newlines(std::string_view text);

// "2026-01-31T23:59:59.123Z" into `to` (25 bytes with the NUL); returns its length.
std::size_t format_time(std::int64_t seconds, long nanoseconds, char* to);

}  // namespace initd
