// The module behind the kernel's NSM driver.
#pragma once

#include <memory>
#include <string>

#include "nsm/exchange.h"
#include "nsm/nsm.h"

namespace nsm {

base::Result<std::unique_ptr<Module>> open_device(const std::string& path = kDevicePath);

}  // namespace nsm
