// A progress line on a terminal: amount, share, rate and time left. Nothing anywhere else.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace base {

// One line for a terminal of `columns`, without a newline. A total of 0 means unknown.
std::string progress_line(std::string_view label, std::uint64_t done_bytes,
                          std::uint64_t total_bytes, std::chrono::milliseconds elapsed,
                          unsigned columns);

// Shows itself on standard error when that is a terminal, after a first second in which most
// work is done anyway, at most five times a second. Goes away without a trace when it dies.
class Progress {
  public:
    // `label` is borrowed.
    Progress(std::string_view label, std::uint64_t total_bytes);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();

    void advance(std::uint64_t bytes);

  private:
    void show(std::chrono::steady_clock::time_point now);

    std::string_view label_;
    std::uint64_t total_bytes_;
    std::uint64_t done_bytes_ = 0;
    std::chrono::steady_clock::time_point start_;
    std::chrono::steady_clock::time_point next_;
    bool terminal_;
    bool shown_ = false;
};

}  // namespace base
