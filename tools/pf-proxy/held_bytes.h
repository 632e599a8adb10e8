// How many bytes the flows of a loop hold together, against one limit: parts of frames that have
// not come whole, output that its stream has not taken, datagrams that wait for a status.
#pragma once

#include <cstddef>

namespace pf_proxy {

class HeldBytes {
  public:
    explicit HeldBytes(std::size_t limit) : limit_(limit) {}

    // False when there is no room; then nothing was taken.
    bool take(std::size_t bytes) {
        if (bytes > limit_ - held_) return false;
        held_ += bytes;
        return true;
    }
    void give_back(std::size_t bytes) { held_ -= bytes; }
    std::size_t held() const { return held_; }

  private:
    std::size_t limit_;
    std::size_t held_ = 0;
};

}  // namespace pf_proxy
