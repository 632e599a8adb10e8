// One reader's way through a ring: bytes to send, and a loss line where the reader fell behind.
//
//   2026-01-31T23:59:59.125Z initd lost: 12 lines, 3456 bytes
//
// A reader gets whole lines only. When it stops taking in the middle of one, the rest of that line
// is put aside, so that what is lost meanwhile are whole lines and their number is exact. Pure.
#pragma once

#include <array>
#include <ctime>
#include <string_view>

#include "entry.h"
#include "ring.h"

namespace initd {

class Feed {
  public:
    // `ring` is borrowed.
    void begin(const Ring& ring, const Ring::Cursor& at, LineFormat format = LineFormat::text);
    // Of loss lines from now on.
    void set_format(LineFormat format) { format_ = format; }

    // What to send next; empty when the reader has everything. Valid until the next call, or an
    // append to the ring.
    std::string_view next(const struct timespec& now);
    // The reader took so many bytes of what next() gave.
    void took(std::size_t bytes);
    bool finished() const;

  private:
    void keep_line();

    const Ring* ring_ = nullptr;
    Ring::Cursor cursor_;
    LineFormat format_ = LineFormat::text;
    std::size_t kept_begin_ = 0;
    std::size_t kept_end_ = 0;
    std::array<char, kLongestEntry> kept_;  // a loss line or the rest of a line; as it comes
};

}  // namespace initd
