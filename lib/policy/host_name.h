// The host of a request or a rule: an address, or a name in the one spelling of
// vsockio/host_name.h. Pure; resolves nothing.
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
