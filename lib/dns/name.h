// Domain names between the wire and text (RFC 1035 3.1, 4.1.4 and 5.1). Pure and total.
//
// Text is in lower case, without the final dot, the root empty. Each byte that is no letter, digit,
// hyphen or underscore is written \DDD, so that one name has one text, and a text with a backslash
// is no host name for whoever judges it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dns {

inline constexpr std::size_t kMaximumNameBytes = 255;  // on the wire, the root's byte included
inline constexpr std::size_t kMaximumLabelBytes = 63;
inline constexpr std::size_t kMaximumPointers = 127;  // of one name: as many as it has labels

struct ReadName {
    std::string text;
    std::size_t end = 0;  // the offset behind it, or behind its first pointer
};

// The name at `offset` of a whole message. A pointer leads to before the labels that it ends, and
// not into the header; so every name ends. Nothing for whatever else.
std::optional<ReadName> read_name(std::span<const std::byte> message, std::size_t offset);

// Appends the name without compression. False, and nothing appended, for a text that read_name()
// does not give.
bool write_name(std::string_view text, std::vector<std::byte>& message);

}  // namespace dns
