// pf-proxy rules: what brings traffic to a mode, printed, applied or removed. Manual: pf-proxy(1).
#pragma once

#include "base/options.h"
#include "base/result.h"

namespace pf_proxy {

base::Result<int> run_rules(const base::Arguments& arguments);

}  // namespace pf_proxy
