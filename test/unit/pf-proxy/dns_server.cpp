// Datagrams and streams of the tests' nameserver.
#include "dns_server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>

#include <array>
#include <catch2/catch_test_macros.hpp>

#include "base/bytes.h"

namespace pf_proxy_test {

using base::Fd;
using vsockio::IpAddress;

namespace {

constexpr int kBacklog = 64;

vsockio::IpEndpoint bind_to(const Fd& fd, std::uint16_t port) {
    sockaddr_storage native{};
    socklen_t length = vsockio::to_socket_address({IpAddress::v4(127, 0, 0, 1), port}, native);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&native), length) != 0) return {};
    length = sizeof native;
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&native), &length) == 0);
    return *vsockio::from_socket_address(native);
}

}  // namespace

DnsServer::DnsServer(loop::Loop& loop, Answerer answerer)
    : loop_(loop), answerer_(std::move(answerer)) {
    // The port that the kernel gives for one of the two may be taken for the other.
    for (int attempt = 0; endpoint_.port == 0 && attempt < 100; ++attempt) {
        tcp_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        udp_ = Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        endpoint_ = bind_to(udp_, bind_to(tcp_, 0).port);
    }
    REQUIRE(endpoint_.port != 0);
    REQUIRE(::listen(tcp_.get(), kBacklog) == 0);
    udp_poll_ = loop::Poll::create(loop, udp_.get(), [this](int) { read_datagram(); }).value();
    udp_poll_->watch(loop::Poll::kReadable);
    tcp_poll_ = loop::Poll::create(loop, tcp_.get(), [this](int) { accept(); }).value();
    tcp_poll_->watch(loop::Poll::kReadable);
}

Messages DnsServer::answer(std::span<const std::byte> message, bool tcp) {
    const dns::DecodedQuery decoded = dns::decode_query(message);
    REQUIRE(decoded.fault == dns::Rcode::no_error);
    asked_.push_back({decoded.query, tcp});
    return answerer_(asked_.back());
}

void DnsServer::read_datagram() {
    std::array<std::byte, 2048> buffer;
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    const ssize_t got = ::recvfrom(udp_.get(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&peer), &length);
    if (got < 0) return;
    for (const Message& reply :
         answer(std::span(buffer).first(static_cast<std::size_t>(got)), false)) {
        (void)::sendto(udp_.get(), reply.data(), reply.size(), 0,
                       reinterpret_cast<const sockaddr*>(&peer), length);
    }
}

void DnsServer::accept() {
    Fd fd(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd.valid()) return;
    ++accepted_;
    const int number = fd.get();
    Stream& stream = streams_[number];
    stream.fd = std::move(fd);
    stream.poll =
        loop::Poll::create(loop_, number, [this, number](int) { read_stream(number); }).value();
    stream.poll->watch(loop::Poll::kReadable);
}

void DnsServer::read_stream(int fd) {
    Stream& stream = streams_.at(fd);
    std::array<std::byte, 4096> buffer;
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got <= 0) {
        stream.poll.reset();
        streams_.erase(fd);
        return;
    }
    stream.input.insert(stream.input.end(), buffer.begin(), buffer.begin() + got);
    while (stream.input.size() >= 2) {
        const std::size_t size = base::load_be<std::uint16_t>(stream.input);
        if (stream.input.size() < 2 + size) return;
        const Message query(stream.input.begin() + 2,
                            stream.input.begin() + 2 + static_cast<std::ptrdiff_t>(size));
        stream.input.erase(stream.input.begin(),
                           stream.input.begin() + 2 + static_cast<std::ptrdiff_t>(size));
        for (const Message& reply : answer(query, true)) {
            if (reply.empty()) {  // the end of the stream
                stream.poll.reset();
                streams_.erase(fd);
                return;
            }
            REQUIRE(base::write_all(fd, framed(reply), "client").ok());
        }
    }
}

void DnsServer::close_streams() {
    for (auto& [fd, stream] : streams_)
        stream.poll.reset();
    streams_.clear();
}

Message with_addresses(const dns::Query& query, const std::vector<IpAddress>& addresses,
                       std::uint32_t ttl, std::size_t maximum_bytes) {
    std::vector<dns::Record> records;
    for (const IpAddress& address : addresses)
        records.push_back({query.question.name, ttl, address});
    return dns::encode_reply(query, {dns::Rcode::no_error, records, {}}, maximum_bytes);
}

Message with_records(const dns::Query& query, std::vector<dns::Record> records) {
    return dns::encode_reply(query, {dns::Rcode::no_error, std::move(records), {}}, 65'535);
}

Message with_code(const dns::Query& query, dns::Rcode rcode) {
    return dns::encode_reply(query, {rcode, {}, {}}, 65'535);
}

Message framed(const Message& message) {
    Message bytes(2 + message.size());
    bytes[0] = static_cast<std::byte>(message.size() >> 8);
    bytes[1] = static_cast<std::byte>(message.size() & 0xFF);
    std::ranges::copy(message, bytes.begin() + 2);
    return bytes;
}

bool run_until(loop::Loop& loop, const std::function<bool()>& done) {
    bool met = false;
    auto deadline = loop::Timer::create(loop, [&] { loop.stop(); }).value();
    deadline.start(std::chrono::seconds(10));
    auto look = loop::Timer::create(loop, [&] {
                    met = met || done();
                    if (met) loop.stop();
                }).value();
    look.start(std::chrono::milliseconds(0), std::chrono::milliseconds(1));
    loop.run();
    return met;
}

}  // namespace pf_proxy_test
