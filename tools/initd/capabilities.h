// Names of the kernel's capabilities, as service.yaml(5) spells them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace initd {

// In the kernel's order: the index is the number. Without the prefix "CAP_".
std::span<const std::string_view> capability_names();

// "NET_BIND_SERVICE" or "CAP_NET_BIND_SERVICE".
std::optional<unsigned> capability_number(std::string_view name);

}  // namespace initd
