// The metadata section: JSON about name, build and origin. Not measured, but under the CRC. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"

namespace eif {

inline constexpr std::size_t kMaximumCustomMetadataBytes = 4096;  // the launcher's own limit

struct Metadata {
    std::string image_name;
    std::string image_version;
    std::string build_time;  // RFC 3339
    std::string build_tool;
    std::string build_tool_version;
    std::string operating_system;
    std::string kernel_version;
    codec::json::Value custom;  // an object, or null
};

// One line without blanks, members in the order that the vendor's tools write.
std::string to_text(const Metadata& metadata);

struct KernelFacts {
    std::string operating_system = "Unknown";
    std::string version = "Unknown";
};

// From the third line of a kernel's .config: "# Linux/x86 6.12.1 Kernel Configuration".
KernelFacts parse_kernel_config(std::string_view text);

// "2023-11-14T22:13:20Z".
std::string format_time(std::int64_t seconds_since_1970);

}  // namespace eif
