// The device that leads into the proxy: made, addressed, removed, over rtnetlink(7).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "netlink.h"
#include "vsockio/ip_address.h"

namespace pf_proxy {

// Its index. A missing device is made as a dummy one; one that is there is only used.
base::Result<int> ensure_device(NetlinkSocket& kernel, const std::string& name,
                                const std::vector<vsockio::IpAddress>& addresses);
base::Result<void> remove_device(NetlinkSocket& kernel, const std::string& name,
                                 const std::vector<vsockio::IpAddress>& addresses);

}  // namespace pf_proxy
