// The near side of flows over loopback, with far sides that behave. What TPROXY brings is tested in
// test/it/pf_proxy_udp.sh.
#include "udp_near.h"

#include <sys/resource.h>

#include <algorithm>

#include "udp_far.h"
#include "udp_near_fixture.h"

using namespace pf_proxy_test;
using namespace std::chrono_literals;
using proto::pf_proxy::StatusCode;
using proto::pf_proxy::Way;

TEST_CASE("each source of a plain near side is a flow, answered from the socket it sent to") {
    for (const IpAddress& address : {kLocal4, kLocal6}) {
        Near near({}, address);
        Peer first(address);
        Peer second(address);
        for (const std::size_t size : {std::size_t{4}, std::size_t{0}, std::size_t{65'507}}) {
            const std::string text(size, 'f');
            first.send(near.at, text);
            const auto asked = near.stream(0).wait(near.loop, Way::outward);
            REQUIRE(asked.has_value());
            CHECK(asked->text == text);
            CHECK_FALSE(asked->endpoint.has_value());
            near.stream(0).send_datagram(std::nullopt, text);
            const auto answered = first.wait(near.loop);
            REQUIRE(answered.has_value());
            CHECK(answered->text == text);
            CHECK(answered->source == near.at);
        }
        second.send(near.at, "second");
        REQUIRE(near.stream(1).wait(near.loop, Way::outward).has_value());
        CHECK(near.opener.streams[0].first.source == first.endpoint());
        CHECK(near.opener.streams[1].first.source == second.endpoint());
        CHECK(near.opener.streams[1].first.destination == near.at);
        CHECK(near.near->flows() == 2);
    }
}

TEST_CASE("one socket of both families answers each from the address that it was sent to") {
    UdpNearSettings settings;
    Near near(settings, IpAddress::v6({0}));
    Peer application(kLocal4);
    application.send({IpAddress::v4(127, 0, 0, 2), near.at.port}, "x");
    near.stream(0).send_datagram(std::nullopt, "y");
    const auto answered = application.wait(near.loop);
    REQUIRE(answered.has_value());
    CHECK(answered->source == IpEndpoint{IpAddress::v4(127, 0, 0, 2), near.at.port});
}

TEST_CASE("datagrams wait for a stream within their limit") {
    UdpNearSettings settings;
    settings.maximum_waiting = 3;
    settings.status = 100ms;
    Near near(settings);
    near.opener.silent = true;
    Peer application(kLocal4);
    for (int count = 0; count < 10; ++count)
        application.send(near.at, "four");
    near.settle();
    CHECK(near.workspace.held.held() == 12);
    CHECK(near.workspace.counters.dropped_no_room == 7);
    CHECK(near.near->flows() == 1);
    REQUIRE(run_until(near.loop, [&] { return near.near->flows() == 0; }));
    CHECK(near.workspace.held.held() == 0);
}

TEST_CASE("what waited is sent first, in order, once the far side has answered") {
    Near near(transparent());
    Peer application(kLocal4);
    for (const char* text : {"a", "b", "c"})
        application.send(near.at, text);
    Wire& wire = near.stream(0);
    CHECK(wire.wait_for_request(near.loop) == "127.0.0.1 " + std::to_string(near.at.port));
    near.settle();
    CHECK(wire.bytes_waiting() == 0);
    answer(wire, {.code = StatusCode::connected, .endpoint = near.at});
    for (const char* text : {"a", "b", "c"}) {
        const auto heard = wire.wait(near.loop, Way::outward);
        REQUIRE(heard.has_value());
        CHECK(heard->text == text);
        CHECK_FALSE(heard->endpoint.has_value());
    }
}

TEST_CASE("a refused destination is asked for again only after a while, others at once") {
    UdpNearSettings settings = transparent();
    settings.ask_again = 200ms;
    Near near(settings, IpAddress::v4(0, 0, 0, 0));
    Peer application(kLocal4);
    const IpEndpoint refused{IpAddress::v4(127, 0, 0, 5), near.at.port};
    const IpEndpoint other{IpAddress::v4(127, 0, 0, 6), near.at.port};
    application.send(refused, "x");
    answer(near.stream(0), {.code = StatusCode::refused});
    REQUIRE(run_until(near.loop, [&] { return near.near->flows() == 0; }));
    application.send(refused, "x");
    near.settle();
    CHECK(near.opener.opened == 1);
    application.send(other, "x");
    near.settle();
    CHECK(near.opener.opened == 2);
    answer(near.stream(1), {.code = StatusCode::failed, .errno_value = EHOSTUNREACH});
    REQUIRE(run_until(near.loop, [&] { return near.near->flows() == 0; }));
    run_until(
        near.loop, [] { return false; }, 220ms);
    application.send(refused, "x");
    near.settle();
    CHECK(near.opener.opened == 3);
}

TEST_CASE("the near side's own policy is asked first, with the name that is known") {
    UdpNearSettings settings = transparent();
    settings.names_of = [](const IpAddress& address) {
        return address == kLocal4 ? std::vector<std::string>{"name.test"}
                                  : std::vector<std::string>();
    };
    Near near(settings, IpAddress::v4(0, 0, 0, 0));
    near.near->set_policy(
        make_policy("rules:\n  - allow: name.test\n    addresses: [127.0.0.1]\n"));
    Peer application(kLocal4);
    application.send({IpAddress::v4(127, 0, 0, 5), near.at.port}, "x");
    near.settle();
    CHECK(near.opener.opened == 0);
    CHECK(near.workspace.counters.dropped_refused == 1);
    application.send({kLocal4, near.at.port}, "x");
    CHECK(near.stream(0).wait_for_request(near.loop) ==
          "127.0.0.1 " + std::to_string(near.at.port) + " name.test");
    // The flow's other destinations are judged one by one.
    application.send({IpAddress::v4(127, 0, 0, 5), near.at.port}, "x");
    near.settle();
    CHECK(near.workspace.counters.dropped_refused == 2);
}

TEST_CASE("an application whose socket is connected sees the errno of the far side's error") {
    if (!base::Fd(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)).valid()) {
        SKIP("no right to raw sockets");
    }
    for (const IpAddress& address : {kLocal4, kLocal6}) {
        for (const auto& [sent, seen] : {std::pair{ECONNREFUSED, ECONNREFUSED},
                                         {ENETUNREACH, ENETUNREACH},
                                         {EHOSTUNREACH, EHOSTUNREACH},
                                         {EACCES, address.is_v4 ? EHOSTUNREACH : EACCES}}) {
            Near near({}, address);
            Peer application(address);
            application.connect(near.at);
            application.send(near.at, "x");
            std::array<std::byte, proto::pf_proxy::kMaximumErrorBytes> memory;
            near.stream(0).send(proto::pf_proxy::encode_error(std::nullopt, sent, memory));
            int error = 0;
            run_until(near.loop, [&] {
                if (error == 0) error = application.take_error();
                return error != 0;
            });
            CHECK(error == seen);
            CHECK(near.near->flows() == 1);
        }
    }
}

TEST_CASE("a draining near side begins no flow and tells when the last has ended") {
    UdpNearSettings settings;
    settings.idle = 100ms;
    Near near(settings);
    Peer application(kLocal4);
    application.send(near.at, "x");
    near.stream(0);
    bool drained = false;
    near.near->drain([&] {
        drained = true;
        near.near.reset();
    });
    near.settle();
    Peer late(kLocal4);
    late.send(near.at, "x");
    near.settle();
    CHECK(near.opener.opened == 1);
    CHECK_FALSE(drained);
    REQUIRE(run_until(near.loop, [&] { return drained; }));
}

TEST_CASE("a thousand flows at once, each with its own answers, and time-outs free them") {
    constexpr rlim_t kDescriptors = 5000;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < kDescriptors) SKIP("too few descriptors");
    limit.rlim_cur = std::max(limit.rlim_cur, kDescriptors);
    ::setrlimit(RLIMIT_NOFILE, &limit);

    UdpNearSettings settings;
    settings.idle = 3s;  // longer than it takes to open them all, on a slow machine, too
    settings.maximum_opening = 2000;
    Near near(settings);
    // All through one server, which sees a thousand ports.
    Peer server(kLocal4);
    TableResolver resolver(near.loop);
    std::map<UdpFar*, std::unique_ptr<UdpFar>> fars;
    near.opener.accepted = [&](const FlowEnds&, base::Fd stream) {
        auto holder = std::make_shared<UdpFar*>(nullptr);
        auto far = UdpFar::start({near.loop, near.workspace, resolver, {}}, std::move(stream),
                                 {kLocal4, server.endpoint().port, vsockio::Transport::udp},
                                 UdpFar::Kind::fixed, nullptr,
                                 [&fars, holder](const UdpFar::Report&) { fars.erase(*holder); });
        REQUIRE(far.ok());
        *holder = far.value().get();
        fars.emplace(*holder, std::move(far).value());
    };
    constexpr std::size_t kFlows = 1000;
    std::vector<std::unique_ptr<Peer>> applications;
    std::size_t answered = 0;
    const auto serve = [&] {
        while (const auto asked = server.receive())
            server.send(asked->source, asked->text + "!");
    };
    for (std::size_t number = 0; number < kFlows; ++number) {
        applications.push_back(std::make_unique<Peer>(kLocal4));
        applications.back()->send(near.at, std::to_string(number));
        if (number % 50 == 0) {
            near.settle();
            serve();
        }
    }
    std::vector<bool> got(kFlows);
    REQUIRE(run_until(near.loop, [&] {
        serve();
        for (std::size_t number = 0; number < kFlows; ++number) {
            if (got[number]) continue;
            const auto received = applications[number]->receive();
            if (!received.has_value()) continue;
            got[number] = true;
            ++answered;
            CHECK(received->text == std::to_string(number) + "!");
        }
        return answered == kFlows;
    }));
    CHECK(near.near->flows() == kFlows);
    CHECK(fars.size() == kFlows);
    REQUIRE(run_until(near.loop, [&] { return near.near->flows() == 0 && fars.empty(); }));
    CHECK(near.workspace.held.held() == 0);
}

TEST_CASE("a name that is known but not allowed at a port leaves the address's own rules") {
    UdpNearSettings settings = transparent();
    settings.names_of = [](const IpAddress&) { return std::vector<std::string>{"name.test"}; };
    Near near(settings, IpAddress::v4(0, 0, 0, 0));
    near.near->set_policy(
        make_policy("rules:\n  - allow: name.test\n    ports: [1]\n    addresses: [127.0.0.1]\n"
                    "  - allow: 127.0.0.1\n    transport: udp\n"));
    Peer application(kLocal4);
    application.send({kLocal4, near.at.port}, "x");
    CHECK(near.stream(0).wait_for_request(near.loop) ==
          "127.0.0.1 " + std::to_string(near.at.port));
}
