// What outlets have in common.
#include "outlet.h"

#include <cerrno>

namespace pf_proxy {

using proto::pf_proxy::StatusCode;

OutletResult not_connected(Service& service, int errno_value, std::string why,
                           const std::optional<vsockio::IpEndpoint>& tried) {
    service.metrics.add(service.metrics.connect_failed);
    // That we have no descriptor left is no matter of the destination.
    const bool ours = errno_value == EMFILE || errno_value == ENFILE;
    OutletResult result;
    result.status = {StatusCode::failed,
                     ours               ? EAGAIN
                     : errno_value == 0 ? EIO
                                        : errno_value,
                     tried};
    result.reason = std::move(why);
    return result;
}

}  // namespace pf_proxy
