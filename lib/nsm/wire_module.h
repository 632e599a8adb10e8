// A module behind anything that takes a request's bytes and gives the reply's: the ioctl of the
// device, or the emulator.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "nsm/nsm.h"

namespace nsm {

using Exchange =
    std::function<base::Result<std::vector<std::byte>>(std::span<const std::byte> request)>;

std::unique_ptr<Module> make_wire_module(Exchange exchange);

}  // namespace nsm
