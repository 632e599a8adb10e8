// Sockets from which an application is answered with the address that it had sent to, one for each
// such address, the least recently used closed for room. For transparent near sides only.
#pragma once

#include <list>
#include <map>

#include "base/fd.h"
#include "vsockio/ip_address.h"

namespace pf_proxy {

class ReplySockets {
  public:
    explicit ReplySockets(std::size_t maximum) : maximum_(maximum) {}

    // A descriptor to send from, valid until the next get(); -1 when there can be none for the
    // address, which is then remembered, too.
    int get(const vsockio::IpEndpoint& from);
    std::size_t size() const { return sockets_.size(); }

  private:
    struct Entry {
        vsockio::IpEndpoint from;
        base::Fd fd;
    };

    std::size_t maximum_;
    std::list<Entry> by_use_;  // least recently used first
    std::map<vsockio::IpEndpoint, std::list<Entry>::iterator> sockets_;
};

}  // namespace pf_proxy
