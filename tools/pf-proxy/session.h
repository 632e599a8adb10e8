// The life of one connection: what stands before its bytes is read, its other side is found and
// connected to, it is told what came of that, and a relay carries the rest.
//
//   header ---> outlet ---> relay ---> over
//      \___________\______> farewell ___/      (a far side that says why not)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "header_reader.h"
#include "outlet.h"
#include "proto/proxy_protocol.h"
#include "service.h"
#include "udp_far.h"
#include "vsockio/listen.h"
#include "vsockio/relay.h"

namespace pf_proxy {

class Session {
  public:
    // Called once, from the loop; destroys the session.
    using Over = std::function<void(Session&)>;

    Session(Service& service, vsockio::Connection connection, Over over);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void start();
    // Instead of start(): only says that there are too many, to a near side.
    void turn_away();
    // Nobody has asked for anything on it yet: a drain need not wait for it.
    bool unused() const;

  private:
    bool begin_watching();
    void read_proxy_header();
    std::string_view take_client(const proto::proxy_protocol::Header& header);
    void read_request();
    void header_failed(HeaderReader::Ending ending);
    void take_original();
    void carry_port(std::uint16_t port);
    void begin_asking(const vsockio::IpEndpoint& original);
    bool admit(const Peer& peer);
    void keep_alive_if_needed(int fd) const;

    using StartOutlet = std::function<base::Result<std::unique_ptr<Outlet>>(Outlet::Done)>;
    void open_outlet(const StartOutlet& start);
    void open_fixed(std::uint16_t port);
    void watch(std::function<void()> changed);
    void watch_no_more();
    void watch_for_leaving();
    void throw_away();
    void on_outlet(OutletResult result);
    void begin_relay(vsockio::RelayEnd other);
    void begin_flow(const Destination& destination, UdpFar::Kind kind);
    void find_fixed();

    void answer_bad_header();
    void answer(const proto::pf_proxy::Status& status);
    void say_farewell();
    void refuse(std::string_view why);
    void over();

    Service& service_;
    base::Fd fd_;                       // as it was accepted; start() has it watched
    std::unique_ptr<loop::Edge> near_;  // until a relay has it
    bool tcp_;                          // that it is
    vsockio::SocketAddress from_;
    Over over_;
    std::string group_;  // as it was counted; empty when it was not
    Client client_;
    std::optional<Destination> destination_;  // asked for
    std::optional<std::size_t> target_;
    std::unique_ptr<HeaderReader> reader_;
    std::unique_ptr<Outlet> outlet_;
    std::optional<loop::Turn> turn_;  // what near_ tells between reader and relay
    std::optional<loop::Timer> timer_;
    std::unique_ptr<vsockio::Relay> relay_;
    std::unique_ptr<UdpFar> flow_;
    bool used_ = false;
};

}  // namespace pf_proxy
