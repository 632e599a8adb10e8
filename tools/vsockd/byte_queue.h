// Bytes of a guest that the host has not taken yet. Pure. Grows as needed; the caller's credit
// is the cap. Gives its memory back when it runs empty.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace vsockd {

class ByteQueue {
  public:
    bool empty() const { return start_ == bytes_.size(); }
    std::size_t size() const { return bytes_.size() - start_; }
    std::span<const std::byte> front() const { return std::span(bytes_).subspan(start_); }

    void append(std::span<const std::byte> more) {
        // Moving the rest to the front is worth it once half of the room is spent.
        if (start_ > bytes_.size() / 2) {
            bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(start_));
            start_ = 0;
        }
        bytes_.insert(bytes_.end(), more.begin(), more.end());
    }

    // `count` is at most size().
    void drop(std::size_t count) {
        start_ += count;
        if (empty()) clear();
    }

    void clear() {
        bytes_ = {};
        start_ = 0;
    }

  private:
    std::vector<std::byte> bytes_;
    std::size_t start_ = 0;
};

}  // namespace vsockd
