// How a line of the log looks: as text, or as one JSON object. Pure.
//
//   2026-01-31T23:59:59.124Z web out: what the service printed
//   {"time":"2026-01-31T23:59:59.124Z","service":"web","stream":"out","text":"what the service
//   ..."}
//
// An object has time and text, of a service's line service and stream, and "more":true when the
// rest of a long line follows; of initd's own, level; of a loss, lost_lines and lost_bytes instead
// of the text. Page: initd(8), Log.
#pragma once

#include <cstddef>
#include <ctime>
#include <span>
#include <string_view>

#include "lines.h"
#include "ring.h"
#include "settings.h"

namespace initd {

// The longest line in a ring, with its head, its end and its newline.
inline constexpr std::size_t kLongestEntry = kLongestHead + kLongestLine + 1;

// Each writes into `to`, cut to what there is room for, and returns the bytes written.
// A whole line, with its newline:
std::size_t put_loss(LineFormat format, const struct timespec& now, const Ring::Loss& loss,
                     std::span<char> to);
std::size_t put_note(LineFormat format, std::string_view time, std::string_view level,
                     std::string_view text, std::span<char> to);
// What stands before the text of a service's line, and behind it but for the newline. With text,
// the head says that the line goes on; with JSON, the end.
std::size_t put_head(LineFormat format, const struct timespec& now, std::string_view service,
                     bool is_error_stream, std::span<char> to);

// Text as it stands within a JSON string; a byte that is no UTF-8 becomes U+FFFD. Takes as much
// as there is room for.
struct Escaped {
    std::size_t taken = 0;
    std::size_t written = 0;
};
Escaped escape_json(std::string_view text, std::span<char> to);

}  // namespace initd
