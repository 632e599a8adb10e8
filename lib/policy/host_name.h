// The host of a request or a rule: an address, or a name in one spelling. Pure; resolves nothing.
//
// A name is ASCII in lower case without a final dot: labels of 1 to 63 letters, digits, hyphens
// (not at either end) and underscores, 253 characters in all (RFC 1035, RFC 8553). A text that ends
// in a number is no name, since resolvers read such texts as IPv4 addresses in decimal, octal, hex
// and short forms (inet_aton(3)): what was judged as a name would be connected to as an address.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "vsockio/ip_address.h"

namespace policy {

using Host = std::variant<vsockio::IpAddress, std::string>;

// An address is read in its usual spelling only (vsockio::parse_ip_address) and not unmapped.
// Errors (data) quote the text and give the reason.
base::Result<Host> parse_host(std::string_view text);

}  // namespace policy
