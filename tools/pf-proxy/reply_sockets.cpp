// Reply sockets by use.
#include "reply_sockets.h"

#include <cerrno>

#include "udp_sockets.h"

namespace pf_proxy {

int ReplySockets::get(const vsockio::IpEndpoint& from) {
    const auto found = sockets_.find(from);
    if (found != sockets_.end()) {
        by_use_.splice(by_use_.end(), by_use_, found->second);
        return found->second->fd.get();
    }
    if (sockets_.size() >= maximum_) {
        sockets_.erase(by_use_.front().from);
        by_use_.pop_front();
    }
    base::Result<base::Fd> made = make_reply_socket(from);
    // A lack of descriptors passes.
    if (!made.ok() && (made.error().errno_value == EMFILE || made.error().errno_value == ENFILE)) {
        return -1;
    }
    by_use_.push_back({from, made.ok() ? std::move(made).value() : base::Fd()});
    sockets_.emplace(from, std::prev(by_use_.end()));
    return by_use_.back().fd.get();
}

}  // namespace pf_proxy
