// A member's metadata in words: ls-like modes and kinds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace eif {

// "file", "folder", "link", "char device", "block device", "fifo", "socket", "unknown".
std::string_view kind_of(std::uint32_t mode);
// "-rwxr-xr-x" with s, S, t and T.
std::string mode_text(std::uint32_t mode);

}  // namespace eif
