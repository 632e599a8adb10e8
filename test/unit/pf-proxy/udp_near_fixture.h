// A near side on the loopback whose streams end in the test.
#pragma once

#include "udp_near.h"
#include "udp_support.h"

namespace pf_proxy_test {

using namespace pf_proxy;

struct Near {
    explicit Near(UdpNearSettings with = {}, const IpAddress& address = kLocal4) {
        const bool transparent = with.kind == UdpNearSettings::Kind::transparent;
        auto socket = bind_datagrams({address, 0}, transparent);
        if (!socket.ok() && socket.error().errno_value == EPERM) SKIP("no right to IP_TRANSPARENT");
        REQUIRE(socket.ok());
        sockaddr_storage native{};
        socklen_t size = sizeof native;
        ::getsockname(socket.value().get(), reinterpret_cast<sockaddr*>(&native), &size);
        at = vsockio::from_socket_address(native).value();
        auto made = UdpNear::create(loop, workspace, opener, std::move(socket).value(), policy,
                                    std::move(with));
        REQUIRE(made.ok());
        near = std::move(made).value();
    }
    // Lets the loop take what is there.
    void settle() {
        for (int turns = 0; turns < 20; ++turns)
            run_until(loop, [] { return true; });
    }
    Wire& stream(std::size_t number) {
        REQUIRE(run_until(loop, [&] { return opener.streams.size() > number; }));
        return *opener.streams[number].second;
    }

    loop::Loop loop = loop::Loop::create().value();
    UdpWorkspace workspace;
    PairOpener opener{loop};
    std::shared_ptr<const policy::Policy> policy;
    IpEndpoint at;
    std::unique_ptr<UdpNear> near;
};

inline UdpNearSettings transparent() {
    UdpNearSettings settings;
    settings.kind = UdpNearSettings::Kind::transparent;
    return settings;
}

inline void answer(Wire& wire, const proto::pf_proxy::Status& status) {
    std::array<std::byte, proto::pf_proxy::kStatusBytes> bytes;
    proto::pf_proxy::encode_status(status, bytes);
    wire.send(bytes);
}

}  // namespace pf_proxy_test
