// --dns of a near side: the stub, what it remembers, and its way to a nameserver, which is a
// stream through the far side like any other connection.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dns_responder.h"
#include "dns_stub.h"
#include "pin_keeper.h"
#include "pins.h"
#include "service.h"

namespace pf_proxy {

class DnsService {
  public:
    // The settings of `service` have an address for it; `service` must outlive it.
    static base::Result<std::unique_ptr<DnsService>> create(Service& service);

    void set_policy(std::shared_ptr<const policy::Policy> policy);

    // The names that applications were told the address for, the latest first.
    std::vector<std::string> names_of(const vsockio::IpAddress& address);

  private:
    DnsService(Service& service, std::unique_ptr<Forwarder> forwarder);
    base::Result<void> keep_pins();

    Service& service_;
    Pins pins_;
    DnsResponder responder_;
    std::unique_ptr<PinKeeper> keeper_;  // none: the kernel's rules know no pins
    std::unique_ptr<DnsStub> stub_;
};

}  // namespace pf_proxy
