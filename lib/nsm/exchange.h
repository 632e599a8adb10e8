// One request to /dev/nsm and its reply, as bytes: the ioctl and nothing else. Separate from the
// rest of the room so that PID 1 can draw random bytes without linking a CBOR library.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"

namespace nsm {

inline constexpr const char* kDevicePath = "/dev/nsm";

// A missing device is an Error (no_input) with a hint.
base::Result<base::Fd> open_device_file(const std::string& path);

// Sends `request` (at most 4096 bytes) and waits for the reply; the driver gives up after 120 s
// (unavailable). `fd` is borrowed.
base::Result<std::vector<std::byte>> exchange(int fd, std::span<const std::byte> request);

}  // namespace nsm
