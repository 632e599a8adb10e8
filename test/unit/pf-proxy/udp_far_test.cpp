// The far side of a flow over loopback: what a near side sees on the stream, and what servers see.
#include "udp_far.h"

#include "udp_support.h"

using namespace pf_proxy;
using namespace pf_proxy_test;
using namespace std::chrono_literals;
using proto::pf_proxy::Frame;
using proto::pf_proxy::StatusCode;

namespace {

constexpr std::string_view kLoopbackAllowed =
    "rules:\n  - allow: 127.0.0.1\n  - allow: \"::1\"\n  - allow: name.test\n"
    "    addresses: [127.0.0.1, \"::1\"]\n";

struct Far {
    explicit Far(UdpFarLimits with = {}) : limits(with) {}

    // The near side's end of the stream.
    Wire& start(std::variant<IpAddress, std::string> host, std::uint16_t port,
                UdpFar::Kind kind = UdpFar::Kind::requested) {
        auto [near, far] = stream_pair();
        auto started = UdpFar::start({loop, workspace, resolver, limits}, std::move(far),
                                     {std::move(host), port, vsockio::Transport::udp}, kind, policy,
                                     [this](const UdpFar::Report& got) {
                                         report = got;
                                         flow.reset();
                                     });
        REQUIRE(started.ok());
        flow = std::move(started).value();
        return wire.emplace(std::move(near));
    }
    Wire& start(const Peer& server) {
        return start(server.endpoint().address, server.endpoint().port);
    }
    bool wait_for_report() {
        return run_until(loop, [&] { return report.has_value(); });
    }

    loop::Loop loop = loop::Loop::create().value();
    UdpWorkspace workspace;
    TableResolver resolver{loop};
    UdpFarLimits limits;
    std::shared_ptr<const policy::Policy> policy = make_policy(kLoopbackAllowed);
    std::unique_ptr<UdpFar> flow;
    std::optional<UdpFar::Report> report;
    std::optional<Wire> wire;
};

}  // namespace

TEST_CASE("a flow gets a status, then datagrams of every size go both ways") {
    for (const IpAddress& address : {kLocal4, kLocal6}) {
        Far far;
        Peer server(address);
        Wire& wire = far.start(server);
        const auto status = wire.wait_for_status(far.loop);
        REQUIRE(status.has_value());
        CHECK(status->code == StatusCode::connected);
        CHECK(status->endpoint == server.endpoint());
        for (const std::size_t size :
             {std::size_t{0}, std::size_t{1}, std::size_t{1400}, std::size_t{65'507}}) {
            const std::string text(size, 'q');
            wire.send_datagram(size == 1 ? std::optional(server.endpoint()) : std::nullopt, text);
            const auto asked = server.wait(far.loop);
            REQUIRE(asked.has_value());
            CHECK(asked->text == text);
            server.send(asked->source, text);
            const auto heard = wire.wait(far.loop);
            REQUIRE(heard.has_value());
            CHECK(heard->kind == Frame::Kind::datagram);
            CHECK_FALSE(heard->endpoint.has_value());
            CHECK(heard->text == text);
        }
        wire.close();
        REQUIRE(far.wait_for_report());
        CHECK(far.report->reason == UdpFar::Reason::ended);
        CHECK(far.report->connected == server.endpoint());
        CHECK(far.workspace.held.held() == 0);
    }
}

TEST_CASE("whoever sends to the flow's port reaches the application, from its own address") {
    Far far;
    Peer server(kLocal4);
    Peer second(kLocal4);
    Wire& wire = far.start(server);
    REQUIRE(wire.wait_for_status(far.loop).has_value());
    wire.send_datagram(std::nullopt, "hello");
    const auto asked = server.wait(far.loop);
    REQUIRE(asked.has_value());
    const IpEndpoint mapped{kLocal4, asked->source.port};
    second.send(mapped, "from elsewhere");
    const auto heard = wire.wait(far.loop);
    REQUIRE(heard.has_value());
    CHECK(heard->text == "from elsewhere");
    CHECK(heard->endpoint == second.endpoint());
    // The mapping is the same for every destination.
    wire.send_datagram(second.endpoint(), "answer");
    const auto answer = second.wait(far.loop);
    REQUIRE(answer.has_value());
    CHECK(answer->source == asked->source);
}

TEST_CASE("a refused datagram is answered with an error, and the flow goes on") {
    Far far;
    Peer server(kLocal4);
    Wire& wire = far.start(server);
    REQUIRE(wire.wait_for_status(far.loop).has_value());
    const IpEndpoint metadata{IpAddress::v4(169, 254, 169, 254), 80};
    wire.send_datagram(metadata, "keys");
    auto heard = wire.wait(far.loop);
    REQUIRE(heard.has_value());
    CHECK(heard->kind == Frame::Kind::error);
    CHECK(heard->endpoint == metadata);
    CHECK(heard->errno_value == EACCES);
    wire.send_datagram(IpEndpoint{kLocal6, 9}, "another family");
    heard = wire.wait(far.loop);
    REQUIRE(heard.has_value());
    CHECK(heard->errno_value == EAFNOSUPPORT);
    wire.send_datagram(std::nullopt, "still there");
    const auto asked = server.wait(far.loop);
    REQUIRE(asked.has_value());
    CHECK(asked->text == "still there");
}

TEST_CASE("more refused datagrams in one piece than a batch holds end no flow") {
    Far far;
    Peer server(kLocal4);
    Wire& wire = far.start(server);
    REQUIRE(wire.wait_for_status(far.loop).has_value());
    // Empty datagrams, which are headers alone.
    std::array<std::byte, proto::pf_proxy::kMaximumFrameHeaderBytes> memory;
    wire.send_often(500, proto::pf_proxy::encode_datagram_header(
                             IpEndpoint{IpAddress::v4(10, 0, 0, 1), 80}, 0, memory));
    wire.send_datagram(std::nullopt, "last");
    REQUIRE(server.wait(far.loop).has_value());
    int errors = 0;
    run_until(far.loop, [&] {
        while (wire.next().has_value())
            ++errors;
        return errors == 500;
    });
    CHECK(errors == 500);
}

TEST_CASE("a closed port is an error frame that names it, and sending goes on") {
    for (const IpAddress& address : {kLocal4, kLocal6}) {
        Far far;
        Peer server(address);
        IpEndpoint closed;
        {
            Peer gone(address);
            closed = gone.endpoint();
        }
        Wire& wire = far.start(server);
        REQUIRE(wire.wait_for_status(far.loop).has_value());
        wire.send_datagram(closed, "anybody?");
        const auto heard = wire.wait(far.loop);
        REQUIRE(heard.has_value());
        CHECK(heard->kind == Frame::Kind::error);
        CHECK(heard->endpoint == closed);
        CHECK(heard->errno_value == ECONNREFUSED);
        // Every one of these arrives, although errors of the other destination come in between.
        for (int count = 0; count < 20; ++count) {
            wire.send_datagram(closed, "x");
            wire.send_datagram(std::nullopt, "y");
        }
        for (int count = 0; count < 20; ++count)
            REQUIRE(server.wait(far.loop).has_value());
    }
}

TEST_CASE("a name is judged, resolved once, and its judged address is where datagrams go") {
    Far far;
    Peer server(kLocal4);
    SECTION("allowed at that address") {
        far.resolver.table["name.test"] = {IpAddress::v4(10, 1, 1, 1), kLocal4};
        Wire& wire = far.start("name.test", server.endpoint().port);
        const auto status = wire.wait_for_status(far.loop);
        REQUIRE(status.has_value());
        CHECK(status->endpoint == server.endpoint());
        far.resolver.table["name.test"] = {IpAddress::v4(10, 1, 1, 1)};
        wire.send_datagram(std::nullopt, "x");
        CHECK(server.wait(far.loop).has_value());
        CHECK(far.resolver.asked.size() == 1);
    }
    SECTION("a name that nothing allows is not asked for") {
        Wire& wire = far.start("other.test", 53);
        const auto status = wire.wait_for_status(far.loop);
        REQUIRE(status.has_value());
        CHECK(status->code == StatusCode::refused);
        CHECK(far.resolver.asked.empty());
        wire.close();
        REQUIRE(far.wait_for_report());
        CHECK(far.report->reason == UdpFar::Reason::refused);
    }
    SECTION("a name that turns out to be this machine is refused, and tells no address") {
        far.policy = make_policy("rules:\n  - allow: open.test\n");
        far.resolver.table["open.test"] = {kLocal4, kLocal6};
        const auto status = far.start("open.test", 53).wait_for_status(far.loop);
        REQUIRE(status.has_value());
        CHECK(status->code == StatusCode::refused);
        CHECK_FALSE(status->endpoint.has_value());
    }
    SECTION("a name without an address") {
        const auto status = far.start("name.test", 53).wait_for_status(far.loop);
        REQUIRE(status.has_value());
        CHECK(status->code == StatusCode::failed);
        CHECK(status->errno_value == EHOSTUNREACH);
    }
}

TEST_CASE("a resolver that says nothing is a failure when its time is over") {
    Far far({.connect = 50ms});
    far.resolver.silent = true;
    const auto status = far.start("name.test", 53).wait_for_status(far.loop);
    REQUIRE(status.has_value());
    CHECK(status->errno_value == ETIMEDOUT);
}

TEST_CASE("a near side that goes or speaks too early ends the wait for a name") {
    Far far;
    far.resolver.silent = true;
    Wire& wire = far.start("name.test", 53);
    SECTION("goes") {
        wire.close();
        REQUIRE(far.wait_for_report());
        CHECK(far.report->reason == UdpFar::Reason::ended);
    }
    SECTION("speaks") {
        wire.send_datagram(std::nullopt, "early");
        const auto status = wire.wait_for_status(far.loop);
        REQUIRE(status.has_value());
        CHECK(status->code == StatusCode::bad_header);
        REQUIRE(wire.wait_for_end(far.loop));
    }
}

TEST_CASE("a refused flow closes after its farewell, though the near side does not") {
    Far far({.farewell = 50ms});
    Wire& wire = far.start(IpAddress::v4(10, 0, 0, 1), 53);
    REQUIRE(wire.wait_for_status(far.loop).has_value());
    REQUIRE(far.wait_for_report());
    CHECK(far.report->reason == UdpFar::Reason::refused);
}

TEST_CASE("a flow that carries nothing ends, one that carries something does not") {
    Far far({.idle = 200ms});
    Peer server(kLocal4);
    Wire& wire = far.start(server);
    REQUIRE(wire.wait_for_status(far.loop).has_value());
    const auto began = far.loop.now();
    for (int count = 0; count < 5; ++count) {
        wire.send_datagram(std::nullopt, "x");
        REQUIRE(server.wait(far.loop).has_value());
        run_until(
            far.loop, [] { return false; }, 80ms);
        REQUIRE_FALSE(far.report.has_value());
    }
    REQUIRE(far.wait_for_report());
    CHECK(far.report->reason == UdpFar::Reason::idle);
    CHECK(far.loop.now() - began >= 500ms);
    CHECK(wire.wait_for_end(far.loop));
}

TEST_CASE("bad and cut frames end a flow") {
    Far far;
    Peer server(kLocal4);
    Wire& wire = far.start(server);
    REQUIRE(wire.wait_for_status(far.loop).has_value());
    SECTION("bad") {
        const std::array<std::byte, 6> zeros{};
        wire.send(zeros);
        REQUIRE(far.wait_for_report());
        CHECK(far.report->reason == UdpFar::Reason::bad_frame);
    }
    SECTION("an error, which only the far side may send") {
        std::array<std::byte, proto::pf_proxy::kMaximumErrorBytes> memory;
        wire.send(proto::pf_proxy::encode_error(std::nullopt, EACCES, memory));
        REQUIRE(far.wait_for_report());
        CHECK(far.report->reason == UdpFar::Reason::bad_frame);
    }
    SECTION("cut") {
        std::array<std::byte, proto::pf_proxy::kMaximumFrameHeaderBytes> memory;
        wire.send(proto::pf_proxy::encode_datagram_header(std::nullopt, 100, memory));
        run_until(
            far.loop, [] { return false; }, 20ms);
        wire.close();
        REQUIRE(far.wait_for_report());
        CHECK(far.report->reason == UdpFar::Reason::ended);
    }
    CHECK_FALSE(server.receive().has_value());
    CHECK(far.workspace.held.held() == 0);
}

TEST_CASE("a target of our own needs neither policy nor status, others are refused without one") {
    Far far;
    far.policy = nullptr;
    Peer server(kLocal4);
    Peer other(kLocal4);
    far.resolver.table["target.test"] = {kLocal4};
    Wire& wire = far.start("target.test", server.endpoint().port, UdpFar::Kind::fixed);
    wire.send_datagram(std::nullopt, "first");
    const auto asked = server.wait(far.loop);
    REQUIRE(asked.has_value());
    CHECK(asked->text == "first");
    server.send(asked->source, "answer");
    auto heard = wire.wait(far.loop);
    REQUIRE(heard.has_value());
    CHECK(heard->text == "answer");
    wire.send_datagram(other.endpoint(), "elsewhere");
    heard = wire.wait(far.loop);
    REQUIRE(heard.has_value());
    CHECK(heard->errno_value == EACCES);
}

TEST_CASE(
    "a near side that does not read makes the far side hold little and lose whole datagrams") {
    Far far;
    Peer server(kLocal4);
    Wire& wire = far.start(server);
    REQUIRE(wire.wait_for_status(far.loop).has_value());
    wire.send_datagram(std::nullopt, "x");
    const auto asked = server.wait(far.loop);
    REQUIRE(asked.has_value());
    constexpr int kDatagrams = 5000;
    for (int number = 0; number < kDatagrams; ++number) {
        std::string text = std::to_string(number) + " ";
        text.resize(1200, 'x');
        server.send(asked->source, text);
        if (number % 50 == 0) run_until(far.loop, [] { return true; });
        REQUIRE(far.workspace.held.held() <= kFlowOutputLimit);
    }
    int last = -1;
    int received = 0;
    run_until(far.loop, [&] {
        while (const auto heard = wire.next()) {
            CHECK(heard->text.size() == 1200);
            const int number = std::stoi(heard->text);
            CHECK(number > last);
            last = number;
            ++received;
        }
        return received > 100 && far.workspace.held.held() == 0;
    });
    CHECK(received > 100);
    CHECK(received < kDatagrams);
}
