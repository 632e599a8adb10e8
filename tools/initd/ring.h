// The log ring: the last `capacity` bytes of whole lines, for any number of readers, each with a
// cursor of its own. A reader that fell behind is told exactly what it lost.
//
// The memory is mapped once and touched only as it fills. No locks: one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace initd {

class Ring {
  public:
    // What a reader has seen so far. A new one starts at the oldest byte kept.
    struct Cursor {
        std::uint64_t offset = 0;  // bytes since the ring was made
        std::uint64_t lines = 0;   // newlines before that offset
    };
    struct Loss {
        std::uint64_t bytes = 0;
        std::uint64_t lines = 0;
    };

    Ring() = default;
    static base::Result<Ring> create(std::size_t capacity);
    Ring(Ring&& other) noexcept;
    Ring& operator=(Ring&& other) noexcept;
    ~Ring();

    // Appends; a text longer than the ring keeps its end. A ring without memory drops.
    void append(std::string_view text);

    // The oldest whole line kept, or the end.
    Cursor oldest() const;
    Cursor newest() const { return {written_, lines_}; }
    // Start of the last `count` lines kept.
    Cursor last_lines(std::size_t count) const;

    // Moves a cursor that fell off the ring to the oldest whole line and says what was lost.
    Loss catch_up(Cursor& cursor) const;
    // The bytes at the cursor in one piece: perhaps not all there are. Valid until append().
    std::string_view peek(const Cursor& cursor) const;
    // Whole lines at the cursor, at most `most` bytes unless the first is longer; in two pieces
    // where a line goes round the end of the memory. Valid until append().
    std::array<std::string_view, 2> lines(const Cursor& cursor, std::size_t most) const;
    void advance(Cursor& cursor, std::size_t bytes) const;

  private:
    std::uint64_t first_kept() const { return written_ > capacity_ ? written_ - capacity_ : 0; }
    std::uint64_t count_lines(std::uint64_t from, std::uint64_t to) const;
    std::string_view piece(std::uint64_t from, std::uint64_t to) const;

    char* memory_ = nullptr;
    std::size_t capacity_ = 0;
    std::uint64_t written_ = 0;
    std::uint64_t lines_ = 0;          // newlines ever written
    std::uint64_t evicted_lines_ = 0;  // newlines before first_kept()
};

}  // namespace initd
