// What a host name is, for policies and wire formats alike: one spelling, and nothing that a
// resolver might take for an address. Pure; resolves nothing.
//
// A name is ASCII in lower case without a final dot: labels of 1 to 63 letters, digits, hyphens
// (not at either end) and underscores, 253 characters in all (RFC 1035, RFC 8553). A text that ends
// in a number is no name, since resolvers read such texts as IPv4 addresses in decimal, octal, hex
// and short forms (inet_aton(3)): what was judged as a name would be connected to as an address.
#pragma once

#include <cstddef>
#include <string_view>

namespace vsockio {

constexpr std::size_t kMaximumHostName = 253;
constexpr std::size_t kMaximumHostLabel = 63;

// Why a text is no host name, to be put behind it or behind "it"; empty when it is one.
std::string_view bad_host_name(std::string_view name);

}  // namespace vsockio
