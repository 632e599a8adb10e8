// Hands text for nft(8) to the kernel, by the library that nft is made of, so that an enclave needs
// no such program.
#pragma once

#include <string>

#include "base/result.h"

namespace pf_proxy {

// All of it or nothing. Errors carry nft's first line. Needs CAP_NET_ADMIN.
base::Result<void> run_nftables(const std::string& text);

}  // namespace pf_proxy
