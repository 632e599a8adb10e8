// Small text jobs every tool needs: numbers, durations, sizes, hex, quoting, nearest name.
//
// All parsers are total: the whole text must be consumed and the value must lie in the range
// given, otherwise the Error (usage) quotes the text.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace base {

// A decimal, or hexadecimal after 0x, number in [minimum, maximum].
Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t minimum,
                                   std::uint64_t maximum);

// "100ms", "10s", "5min", "2h", "1d"; a bare number is seconds. At most ten years.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// "4096", "64K", "10M", "2G", "1T": powers of 1024, in bytes.
Result<std::uint64_t> parse_size(std::string_view text);

// "1.5 GiB", "512 B": for people only.
std::string format_size(std::uint64_t bytes);

// "1.25s", "340ms", "2min 5s": for people only.
std::string format_duration(std::chrono::milliseconds duration);

std::string to_hex(std::span<const std::byte> bytes);
// Accepts either case; an odd length or another character is an Error (data).
Result<std::vector<std::byte>> from_hex(std::string_view text);

// 'text' with control characters, quotes and bytes that are not UTF-8 written as \xNN, cut at
// 256 bytes: whatever a peer or a file name holds, it cannot steer a terminal or forge a line.
std::string quote(std::string_view text);
// The same escaping without the quotation marks.
std::string escape(std::string_view text, std::size_t maximum_bytes = 256);

// Length of the well-formed UTF-8 sequence at the front of `text`, or 0 (RFC 3629).
std::size_t utf8_length(std::string_view text);
bool is_utf8(std::string_view text);

// The candidate closest to `name` by edit distance, or "" when none is near enough to suggest.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> candidates);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);

// Bytes of a string and back, without copying. The view borrows from its argument.
inline std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace base
