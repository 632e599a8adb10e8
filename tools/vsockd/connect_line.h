// The line with which a program on the host asks for a guest's port, "CONNECT PORT\n", by the
// Firecracker convention. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace vsockd {

inline constexpr std::string_view kConnectCommand = "CONNECT ";
// The command, ten digits, a carriage return, and some room.
inline constexpr std::size_t kLongestConnectLine = 32;

// The port of a complete line; nothing for any other.
std::optional<std::uint32_t> parse_connect_line(std::string_view line);

}  // namespace vsockd
