// The stub's sockets as an application sees them, with a nameserver behind.
#include "dns_stub.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>

#include "base/bytes.h"
#include "dns_server.h"

using namespace std::chrono_literals;
using base::Fd;
using pf_proxy_test::DnsServer;
using pf_proxy_test::framed;
using pf_proxy_test::Message;
using pf_proxy_test::Messages;
using vsockio::IpAddress;

namespace {

Messages honest(const DnsServer::Asked& asked) {
    std::vector<IpAddress> addresses(asked.query.question.name == "many.example" ? 100 : 1);
    std::uint8_t last = 0;
    for (IpAddress& address : addresses)
        address = IpAddress::v4(9, 9, 9, ++last);
    return {pf_proxy_test::with_addresses(asked.query, addresses)};
}

struct Net {
    explicit Net(DnsServer::Answerer answerer = honest, pf_proxy::DnsStubSettings settings = {})
        : server(loop, std::move(answerer)) {
        auto parsed = policy::Policy::parse("rules: [allow: '*.example']", "policy.yaml");
        REQUIRE(parsed.ok());
        auto forwarder = pf_proxy::make_stream_forwarder(
            loop, {pf_proxy::open_directly(loop, server.endpoint(), 1000ms)}, {});
        REQUIRE(forwarder.ok());
        responder.emplace(loop, pf_proxy::DnsResponderSettings(), metrics,
                          std::move(forwarder).value(),
                          std::make_shared<const policy::Policy>(std::move(parsed).value()), pins);
        settings.listen.port = 0;
        auto made = pf_proxy::DnsStub::create(loop, settings, *responder);
        INFO((made.ok() ? "" : made.error().message));
        REQUIRE(made.ok());
        stub = std::move(made).value();
    }

    Fd connect(int type) {
        Fd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
        sockaddr_storage native{};
        const socklen_t length = vsockio::to_socket_address(stub->bound(), native);
        REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&native), length) == 0);
        return fd;
    }
    // A whole datagram, or what a stream has next.
    Message read(const Fd& fd) {
        std::array<std::byte, 65'536> buffer;
        ssize_t got = -1;
        CHECK(pf_proxy_test::run_until(loop, [&] {
            got = ::recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
            return got >= 0;
        }));
        return {buffer.begin(), buffer.begin() + std::max<ssize_t>(got, 0)};
    }
    std::vector<dns::Answer> read_answers(const Fd& fd, std::size_t count) {
        std::vector<dns::Answer> answers;
        Message input;
        while (answers.size() < count) {
            const Message more = read(fd);
            REQUIRE_FALSE(more.empty());
            input.insert(input.end(), more.begin(), more.end());
            while (input.size() >= 2) {
                const std::size_t size = 2 + std::size_t{base::load_be<std::uint16_t>(input)};
                if (input.size() < size) break;
                const auto answer = dns::decode_answer(std::span(input).first(size).subspan(2));
                REQUIRE(answer.ok());
                answers.push_back(answer.value());
                input.erase(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
            }
        }
        CHECK(input.empty());
        return answers;
    }

    loop::Loop loop = loop::Loop::create().value();
    DnsServer server;
    pf_proxy::Metrics metrics{};
    pf_proxy::Pins pins;
    std::optional<pf_proxy::DnsResponder> responder;
    std::unique_ptr<pf_proxy::DnsStub> stub;
};

Message query(std::string_view name, std::uint16_t id = 1) {
    return dns::encode_query(id, {std::string(name), dns::kTypeA}, false, {});
}

void write(const Fd& fd, const Message& bytes) {
    REQUIRE(base::write_all(fd.get(), bytes, "stub").ok());
}

}  // namespace

TEST_CASE("a question by UDP is answered, and one whose answer is too long is asked again by TCP") {
    Net net;
    const Fd udp = net.connect(SOCK_DGRAM);
    write(udp, query("a.example", 77));
    const auto answer = dns::decode_answer(net.read(udp));
    REQUIRE(answer.ok());
    CHECK(answer.value().header.id == 77);
    CHECK(answer.value().records.size() == 1);
    CHECK(net.pins.names_of(IpAddress::v4(9, 9, 9, 1), net.loop.now()).size() == 1);

    write(udp, query("many.example"));
    const auto cut = dns::decode_answer(net.read(udp));
    CHECK(cut.value().header.truncated);
    const Fd tcp = net.connect(SOCK_STREAM);
    write(tcp, framed(query("many.example")));
    CHECK(net.read_answers(tcp, 1)[0].records.size() == 100);
    CHECK(net.server.accepted() == 1);
}

TEST_CASE("a stream carries many questions in pieces of any size, more than may wait at once") {
    pf_proxy::DnsStubSettings settings;
    settings.maximum_pipelined = 4;
    Net net(honest, settings);
    const Fd tcp = net.connect(SOCK_STREAM);
    Message all;
    for (std::uint16_t id = 0; id < 50; ++id) {
        const Message one = framed(query("n" + std::to_string(id) + ".example", id));
        all.insert(all.end(), one.begin(), one.end());
    }
    write(tcp, {all.begin(), all.begin() + 1});
    CHECK(pf_proxy_test::run_until(net.loop, [&] { return net.stub->streams() == 1; }));
    write(tcp, {all.begin() + 1, all.begin() + 100});
    write(tcp, {all.begin() + 100, all.end()});
    CHECK(net.read_answers(tcp, 50).size() == 50);
}

TEST_CASE("a client that ends its direction gets the answers that it waits for, then the end") {
    Net net;
    const Fd tcp = net.connect(SOCK_STREAM);
    write(tcp, framed(query("a.example")));
    write(tcp, framed(query("b.example")));
    ::shutdown(tcp.get(), SHUT_WR);
    CHECK(net.read_answers(tcp, 2).size() == 2);
    CHECK(net.read(tcp).empty());
    CHECK(net.stub->streams() == 0);
}

TEST_CASE("a stream with something else than questions, or nothing, is closed") {
    pf_proxy::DnsStubSettings settings;
    settings.idle = 100ms;
    Net net(honest, settings);
    const Fd wrong = net.connect(SOCK_STREAM);
    write(wrong, framed(Message(5)));
    CHECK(net.read(wrong).empty());
    const Fd silent = net.connect(SOCK_STREAM);
    CHECK(net.read(silent).empty());
    const Fd half = net.connect(SOCK_STREAM);
    write(half, {std::byte{0}, std::byte{40}, std::byte{1}});
    CHECK(net.read(half).empty());
    CHECK(net.stub->streams() == 0);
}

TEST_CASE("connections over the limit wait until one leaves") {
    pf_proxy::DnsStubSettings settings;
    settings.maximum_streams = 2;
    Net net(honest, settings);
    Fd first = net.connect(SOCK_STREAM);
    const Fd second = net.connect(SOCK_STREAM);
    CHECK(pf_proxy_test::run_until(net.loop, [&] { return net.stub->streams() == 2; }));
    const Fd third = net.connect(SOCK_STREAM);
    write(third, framed(query("a.example")));
    write(second, framed(query("b.example")));
    CHECK(net.read_answers(second, 1).size() == 1);
    CHECK(net.stub->streams() == 2);
    first.reset();
    CHECK(net.read_answers(third, 1).size() == 1);
}

TEST_CASE("a client or a stub that goes while a question is on its way harms nobody") {
    Net net([](const auto&) { return Messages(); });
    Fd tcp = net.connect(SOCK_STREAM);
    write(tcp, framed(query("a.example")));
    Fd udp = net.connect(SOCK_DGRAM);
    write(udp, query("a.example"));
    CHECK(pf_proxy_test::run_until(net.loop, [&] { return net.server.asked().size() == 1; }));
    tcp.reset();
    udp.reset();
    net.server.close_streams();
    CHECK(pf_proxy_test::run_until(net.loop, [&] { return net.server.asked().size() == 2; }));
    net.stub.reset();
    net.server.close_streams();
    CHECK(pf_proxy_test::run_until(net.loop, [&] { return net.metrics.dns_failed.load() == 1; }));
}

TEST_CASE("a flood of datagrams is answered as far as it can be, and the stub goes on") {
    Net net;
    const Fd udp = net.connect(SOCK_DGRAM);
    for (int count = 0; count < 3000; ++count)
        (void)::send(udp.get(), "\1\2garbage that is no question", 30, MSG_DONTWAIT);
    const Fd other = net.connect(SOCK_DGRAM);
    CHECK(pf_proxy_test::run_until(net.loop, [&] { return net.metrics.dns_malformed.load() > 0; }));
    write(other, query("a.example"));
    CHECK(dns::decode_answer(net.read(other)).ok());
}

TEST_CASE("a stub does not listen on all addresses") {
    auto loop = loop::Loop::create().value();
    Net net;
    pf_proxy::DnsStubSettings settings;
    settings.listen = {IpAddress::v4(0, 0, 0, 0), 0};
    CHECK_FALSE(pf_proxy::DnsStub::create(net.loop, settings, *net.responder).ok());
    settings.listen = {IpAddress(), 0};
    CHECK_FALSE(pf_proxy::DnsStub::create(net.loop, settings, *net.responder).ok());
    settings.listen = net.stub->bound();
    CHECK_FALSE(pf_proxy::DnsStub::create(net.loop, settings, *net.responder).ok());
}
