// The ioctl as an exchange.
#include "nsm/device.h"

#include "nsm/wire_module.h"

namespace nsm {

base::Result<std::unique_ptr<Module>> open_device(const std::string& path) {
    // Functions are copied, descriptors are not.
    const auto fd = std::make_shared<base::Fd>(TRY(open_device_file(path)));
    return make_wire_module(
        [fd](std::span<const std::byte> request) { return exchange(fd->get(), request); });
}

}  // namespace nsm
