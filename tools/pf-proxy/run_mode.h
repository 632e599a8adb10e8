// What a mode does once the command line is read.
#pragma once

#include "base/options.h"
#include "base/result.h"

namespace pf_proxy {

base::Result<int> run_relay_mode(const base::Arguments& arguments);
base::Result<int> addr_info(const base::Arguments& arguments);

// Prints what the policy makes of "HOST:PORT" or "HOST:PORT/udp", rule by rule. 0 allowed, 1
// denied.
base::Result<int> explain(const std::string& policy_file, std::string_view question);

}  // namespace pf_proxy
