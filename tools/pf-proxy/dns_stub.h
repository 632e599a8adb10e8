// The sockets of --dns: UDP and TCP on one address and port, in front of a DnsResponder.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "dns_responder.h"
#include "dns_stream.h"
#include "loop/loop.h"
#include "vsockio/ip_address.h"
#include "vsockio/listen.h"

namespace pf_proxy {

struct DnsStubSettings {
    // Not the unspecified address: answers have to come from where the question went. Port 0 is
    // any that is free.
    vsockio::IpEndpoint listen{vsockio::IpAddress::v4(127, 0, 0, 1), 53};
    std::size_t maximum_streams = 64;        // connections; more wait to be accepted
    std::size_t maximum_pipelined = 32;      // questions of one without an answer; then it waits
    std::chrono::milliseconds idle{10'000};  // a connection without a question, or that reads not
};

class DnsStub {
  public:
    // The responder must outlive it.
    static base::Result<std::unique_ptr<DnsStub>> create(loop::Loop& loop, DnsStubSettings settings,
                                                         DnsResponder& responder);
    DnsStub(const DnsStub&) = delete;
    DnsStub& operator=(const DnsStub&) = delete;
    ~DnsStub();

    const vsockio::IpEndpoint& bound() const { return bound_; }
    std::size_t streams() const { return clients_.size(); }

  private:
    class Client;

    DnsStub(loop::Loop& loop, DnsStubSettings settings, DnsResponder& responder);
    base::Result<void> bind_sockets();
    base::Result<void> open();
    void receive_datagrams();
    bool receive_datagram();
    void accept();
    void leave(std::list<std::unique_ptr<Client>>::iterator client);

    loop::Loop& loop_;
    DnsStubSettings settings_;
    DnsResponder& responder_;
    vsockio::IpEndpoint bound_;
    base::Fd udp_;
    std::optional<vsockio::Listener> tcp_;
    std::optional<loop::Poll> udp_poll_;
    std::optional<loop::Poll> tcp_poll_;
    std::optional<loop::Timer> accept_again_;
    std::vector<std::byte> buffer_;
    std::list<std::unique_ptr<Client>> clients_;
    std::shared_ptr<DnsStub*> life_ = std::make_shared<DnsStub*>(this);
};

}  // namespace pf_proxy
