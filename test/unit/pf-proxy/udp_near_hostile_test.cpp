// The near side of flows with far sides, strangers and applications that do not behave.
#include "udp_near_fixture.h"

using namespace pf_proxy_test;
using proto::pf_proxy::StatusCode;
using proto::pf_proxy::Way;

TEST_CASE("a stranger's datagram is not passed off as the fixed target's") {
    Near near;
    Peer application(kLocal4);
    application.send(near.at, "x");
    Wire& wire = near.stream(0);
    wire.send_datagram(IpEndpoint{IpAddress::v4(198, 51, 100, 1), 53}, "forged");
    wire.send_datagram(std::nullopt, "real");
    const auto answered = application.wait(near.loop);
    REQUIRE(answered.has_value());
    CHECK(answered->text == "real");
    CHECK(near.workspace.counters.dropped_invalid == 1);
}

TEST_CASE("a stream that ends before a byte of its status is asked for once more") {
    Near near(transparent());
    Peer application(kLocal4);
    application.send(near.at, "x");
    near.stream(0).close();
    CHECK(near.stream(1).wait_for_request(near.loop).has_value());
    near.stream(1).close();
    REQUIRE(run_until(near.loop, [&] { return near.near->flows() == 0; }));
    CHECK(near.opener.opened == 2);
    CHECK(near.workspace.held.held() == 0);
}

TEST_CASE("a far side that makes no sense ends the flow, and is not asked again at once") {
    Near near(transparent());
    Peer application(kLocal4);
    application.send(near.at, "x");
    Wire& wire = near.stream(0);
    SECTION("a status that is none") {
        wire.send(base::as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
    }
    SECTION("a status cut off") {
        std::array<std::byte, proto::pf_proxy::kStatusBytes> bytes;
        proto::pf_proxy::encode_status({.code = StatusCode::connected}, bytes);
        wire.send(std::span(bytes).first(20));
        near.settle();
        wire.close();
    }
    SECTION("frames that are none") {
        answer(wire, {.code = StatusCode::connected, .endpoint = near.at});
        wire.send(base::as_bytes("not a frame at all"));
    }
    SECTION("a frame cut off") {
        answer(wire, {.code = StatusCode::connected, .endpoint = near.at});
        std::array<std::byte, proto::pf_proxy::kMaximumFrameHeaderBytes> memory;
        wire.send(proto::pf_proxy::encode_datagram_header(std::nullopt, 60'000, memory));
        near.settle();
        wire.close();
    }
    REQUIRE(run_until(near.loop, [&] { return near.near->flows() == 0; }));
    CHECK(near.workspace.held.held() == 0);
    application.send(near.at, "x");
    near.settle();
    CHECK(near.opener.opened == 1);
    CHECK_FALSE(application.receive().has_value());
}

TEST_CASE("a far side cannot answer in the name of this machine or without end") {
    Near near(transparent());
    Peer application(kLocal4);
    application.send(near.at, "x");
    Wire& wire = near.stream(0);
    answer(wire, {.code = StatusCode::connected, .endpoint = near.at});
    near.settle();
    wire.send_datagram(IpEndpoint{kLocal4, 53}, "I am your resolver");
    wire.send_datagram(IpEndpoint{IpAddress::v4(224, 0, 0, 1), 53}, "I am many");
    wire.send_datagram(IpEndpoint{kLocal6, 53}, "another family");
    std::array<std::byte, proto::pf_proxy::kMaximumErrorBytes> memory;
    wire.send_often(1000, proto::pf_proxy::encode_error(IpEndpoint{IpAddress::v4(10, 0, 0, 1), 7},
                                                        ECONNREFUSED, memory));
    REQUIRE(run_until(near.loop, [&] { return near.workspace.counters.errors == 1000; }));
    CHECK(near.workspace.counters.dropped_invalid == 3);
    CHECK_FALSE(application.receive().has_value());
    CHECK(near.near->flows() == 1);
}

TEST_CASE("a full table makes room from those that nobody answered") {
    UdpNearSettings settings;
    settings.maximum_flows = 4;
    Near near(settings);
    Peer answered(kLocal4);
    answered.send(near.at, "x");
    near.stream(0).send_datagram(std::nullopt, "y");
    REQUIRE(answered.wait(near.loop).has_value());
    std::vector<std::unique_ptr<Peer>> others;
    for (std::size_t count = 1; count < 20; ++count) {
        others.push_back(std::make_unique<Peer>(kLocal4));
        others.back()->send(near.at, "x");
        near.stream(count);
        near.settle();
    }
    CHECK(near.near->flows() == 4);
    CHECK(near.workspace.counters.flows_evicted == 16);
    CHECK_FALSE(near.stream(0).pull());
    answered.send(near.at, "still the same flow");
    near.settle();
    CHECK(near.opener.opened == 20);
}

TEST_CASE("a stream that takes nothing costs its own flow datagrams, and no other's") {
    Near near;
    Peer slow(kLocal4);
    Peer quick(kLocal4);
    slow.send(near.at, "x");
    near.stream(0);
    quick.send(near.at, "x");
    Wire& wire = near.stream(1);
    REQUIRE(wire.wait(near.loop, Way::outward).has_value());
    for (int count = 0; count < 2000; ++count) {
        slow.send(near.at, std::string(1200, 'x'));
        if (count % 20 == 0) near.settle();
        REQUIRE(near.workspace.held.held() <= kFlowOutputLimit);
    }
    near.settle();
    CHECK(near.workspace.counters.dropped_no_room > 0);
    quick.send(near.at, "through");
    const auto heard = wire.wait(near.loop, Way::outward);
    REQUIRE(heard.has_value());
    CHECK(heard->text == "through");
    int whole = 0;
    run_until(near.loop, [&] {
        while (const auto frame = near.stream(0).next(Way::outward)) {
            if (frame->text.size() == 1200) ++whole;
        }
        return near.workspace.held.held() == 0;
    });
    CHECK(whole > 100);
}
