// How many log lines of one kind a guest may cause. Pure: time is handed in.
#pragma once

#include <chrono>
#include <cstdint>

namespace vsockd {

class RateLimit {
  public:
    RateLimit(std::uint32_t burst, std::chrono::milliseconds interval)
        : burst_(burst), interval_(interval) {}

    // Whether one more line may be written at `now`, which never goes back.
    bool allow(std::chrono::milliseconds now) {
        if (now - start_ >= interval_) {
            start_ = now;
            used_ = 0;
        }
        if (used_ < burst_) {
            ++used_;
            return true;
        }
        ++suppressed_;
        return false;
    }

    // Lines held back since the last call.
    std::uint64_t take_suppressed() {
        const std::uint64_t count = suppressed_;
        suppressed_ = 0;
        return count;
    }

  private:
    std::uint32_t burst_;
    std::chrono::milliseconds interval_;
    std::chrono::milliseconds start_{-1'000'000'000};
    std::uint32_t used_ = 0;
    std::uint64_t suppressed_ = 0;
};

}  // namespace vsockd
