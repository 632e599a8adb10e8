// Loopback sockets, stream pairs and a resolver of the test's own, for flows of datagrams.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "loop/loop.h"
#include "policy/policy.h"
#include "proto/pf_proxy.h"
#include "resolver.h"
#include "stream_opener.h"
#include "udp_sockets.h"

namespace pf_proxy_test {

using vsockio::IpAddress;
using vsockio::IpEndpoint;

inline const IpAddress kLocal4 = IpAddress::v4(127, 0, 0, 1);
inline const IpAddress kLocal6 = IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 1});

// Whether `done` became true in `limit`.
inline bool run_until(loop::Loop& loop, const std::function<bool()>& done,
                      std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    bool late = false;
    auto guard = loop::Timer::create(loop, [&] { late = true; }).value();
    auto look = loop::Idle::create(loop, [&] {
                    if (late || done()) loop.stop();
                }).value();
    guard.start(limit);
    look.start();
    loop.run();
    return done();
}

// A socket of an application or a server.
class Peer {
  public:
    explicit Peer(const IpAddress& address, std::uint16_t port = 0)
        : fd_(::socket(address.is_v4 ? AF_INET : AF_INET6,
                       SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_storage native;
        const unsigned length = vsockio::to_socket_address({address, port}, native);
        REQUIRE(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&native), length) == 0);
        socklen_t size = sizeof native;
        REQUIRE(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&native), &size) == 0);
        endpoint_ = vsockio::from_socket_address(native).value();
    }

    const IpEndpoint& endpoint() const { return endpoint_; }
    void send(const IpEndpoint& to, std::string_view text) {
        sockaddr_storage native;
        const unsigned length = vsockio::to_socket_address(to, native);
        const ssize_t sent = ::sendto(fd_.get(), text.data(), text.size(), 0,
                                      reinterpret_cast<sockaddr*>(&native), length);
        CHECK(sent == static_cast<ssize_t>(text.size()));
    }
    // And wants to hear of what may pass by itself, too, as resolvers do.
    void connect(const IpEndpoint& to) {
        const int on = 1;
        ::setsockopt(fd_.get(), to.address.is_v4 ? SOL_IP : SOL_IPV6,
                     to.address.is_v4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof on);
        sockaddr_storage native;
        const unsigned length = vsockio::to_socket_address(to, native);
        REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&native), length) == 0);
    }
    // What the kernel has heard of the connected peer; told once.
    int take_error() {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        return error;
    }
    struct Received {
        std::string text;
        IpEndpoint source;
    };
    std::optional<Received> receive() {
        sockaddr_storage native;
        socklen_t length = sizeof native;
        std::string text(70'000, '\0');
        const ssize_t count = ::recvfrom(fd_.get(), text.data(), text.size(), 0,
                                         reinterpret_cast<sockaddr*>(&native), &length);
        if (count < 0) return std::nullopt;
        text.resize(static_cast<std::size_t>(count));
        return Received{text, vsockio::from_socket_address(native).value()};
    }
    std::optional<Received> wait(loop::Loop& loop) {
        std::optional<Received> received;
        run_until(loop, [&] {
            if (!received.has_value()) received = receive();
            return received.has_value();
        });
        return received;
    }

  private:
    base::Fd fd_;
    IpEndpoint endpoint_;
};

inline std::pair<base::Fd, base::Fd> stream_pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    return {base::Fd(ends[0]), base::Fd(ends[1])};
}

// The test's end of a stream: writes and reads what the wire has.
class Wire {
  public:
    explicit Wire(base::Fd fd) : fd_(std::move(fd)) {}

    int fd() const { return fd_.get(); }
    void close() { fd_.reset(); }
    void send(std::span<const std::byte> bytes) {
        CHECK(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(bytes.size()));
    }
    // In one piece, because each piece costs the kernel far more than its bytes.
    void send_often(int times, std::span<const std::byte> bytes) {
        std::vector<std::byte> all;
        for (int count = 0; count < times; ++count) {
            all.insert(all.end(), bytes.begin(), bytes.end());
        }
        send(all);
    }
    void send_datagram(const std::optional<IpEndpoint>& endpoint, std::string_view text) {
        std::array<std::byte, proto::pf_proxy::kMaximumFrameHeaderBytes> memory;
        send(proto::pf_proxy::encode_datagram_header(endpoint, text.size(), memory));
        if (!text.empty()) send(base::as_bytes(text));
    }
    // Reads what is there; true once the stream has ended.
    bool pull() {
        std::array<std::byte, 65'536> piece;
        while (true) {
            const ssize_t count = ::recv(fd_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
            if (count == 0 || (count < 0 && errno != EAGAIN)) return true;
            if (count < 0) return false;
            bytes_.insert(bytes_.end(), piece.begin(), piece.begin() + count);
        }
    }
    bool wait_for_end(loop::Loop& loop) {
        return run_until(loop, [&] { return pull(); });
    }
    std::size_t bytes_waiting() {
        pull();
        return bytes_.size();
    }
    std::optional<proto::pf_proxy::Status> wait_for_status(loop::Loop& loop) {
        std::optional<proto::pf_proxy::Status> status;
        run_until(loop, [&] {
            pull();
            const auto decoded = proto::pf_proxy::decode_status(bytes_);
            if (decoded.outcome == proto::Outcome::done && !status.has_value()) {
                status = decoded.value;
                take(decoded.used_bytes);
            }
            return status.has_value();
        });
        return status;
    }
    // Nothing for a frame that is bad or has not come whole.
    struct Heard {
        proto::pf_proxy::Frame::Kind kind;
        std::optional<IpEndpoint> endpoint;
        std::string text;
        int errno_value = 0;
    };
    std::optional<Heard> next(proto::pf_proxy::Way way = proto::pf_proxy::Way::inward) {
        pull();
        const auto decoded = proto::pf_proxy::decode_frame(bytes_, way);
        if (decoded.outcome != proto::Outcome::done) return std::nullopt;
        const auto& frame = decoded.value;
        Heard heard{frame.kind, frame.endpoint, std::string(base::as_text(frame.payload)),
                    frame.errno_value};
        take(decoded.used_bytes);
        return heard;
    }
    std::optional<Heard> wait(loop::Loop& loop,
                              proto::pf_proxy::Way way = proto::pf_proxy::Way::inward) {
        std::optional<Heard> heard;
        run_until(loop, [&] {
            if (!heard.has_value()) heard = next(way);
            return heard.has_value();
        });
        return heard;
    }
    std::optional<std::string> wait_for_request(loop::Loop& loop) {
        std::optional<std::string> text;
        run_until(loop, [&] {
            pull();
            const auto decoded = proto::pf_proxy::decode_request(bytes_);
            if (decoded.outcome == proto::Outcome::done && !text.has_value()) {
                const auto* address = std::get_if<IpAddress>(&decoded.value.host);
                const std::string host =
                    address != nullptr
                        ? to_string(*address)
                        : std::string(*std::get_if<std::string_view>(&decoded.value.host));
                text = host + " " + std::to_string(decoded.value.port);
                for (const std::string_view name : decoded.value.names)
                    *text += " " + std::string(name);
                take(decoded.used_bytes);
            }
            return text.has_value();
        });
        return text;
    }

  private:
    void take(std::size_t count) {
        bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(count));
    }

    base::Fd fd_;
    std::vector<std::byte> bytes_;
};

// Answers from a table, a turn of the loop later; names that are not in it have no address.
class TableResolver : public pf_proxy::Resolver {
  public:
    using Table = std::map<std::string, std::vector<IpAddress>, std::less<>>;

    explicit TableResolver(loop::Loop& loop) : loop_(loop) {}

    bool has_had(const std::string& name, const IpAddress& address) override {
        return had == std::pair(name, address);
    }
    std::unique_ptr<Query> resolve(std::string_view name, pf_proxy::Family,
                                   pf_proxy::Freshness freshness, Done done) override {
        asked.emplace_back(name);
        const bool fresh = freshness == pf_proxy::Freshness::fresh;
        const Table& answers = fresh && !fresh_table.empty() ? fresh_table : table;
        auto query = std::make_unique<Pending>();
        if (silent) return query;
        query->timer =
            loop::Timer::create(loop_, [&answers, text = asked.back(), answer = std::move(done)] {
                const Done call = answer;
                const auto found = answers.find(text);
                if (found == answers.end()) {
                    call(base::Error::system("resolve", text, EHOSTUNREACH));
                } else {
                    call(Answer{found->second, std::chrono::seconds(1)});
                }
            }).value();
        query->timer->start(std::chrono::milliseconds(0));
        return query;
    }

    Table table;
    Table fresh_table;  // for who wants it fresh, where there is anything in it
    std::pair<std::string, IpAddress> had;
    std::vector<std::string> asked;
    bool silent = false;

  private:
    struct Pending : Query {
        std::optional<loop::Timer> timer;
    };
    loop::Loop& loop_;
};

// Gives each flow one end of a stream and the test the other.
class PairOpener : public pf_proxy::StreamOpener {
  public:
    explicit PairOpener(loop::Loop& loop) : loop_(loop) {}

    std::unique_ptr<Opening> open(const pf_proxy::FlowEnds& ends, Done done) override {
        ++opened;
        auto opening = std::make_unique<Pending>();
        if (silent) return opening;
        opening->timer = loop::Timer::create(loop_, [this, ends, answer = std::move(done)] {
                             const Done call = answer;
                             if (failure != 0) {
                                 return call(base::Error::system("connect to", "x", failure));
                             }
                             auto [near, far] = stream_pair();
                             accepted(ends, std::move(far));
                             call(std::move(near));
                         }).value();
        opening->timer->start(std::chrono::milliseconds(0));
        return opening;
    }

    std::function<void(const pf_proxy::FlowEnds&, base::Fd)> accepted =
        [this](const pf_proxy::FlowEnds& ends, base::Fd fd) {
            streams.emplace_back(ends, std::make_unique<Wire>(std::move(fd)));
        };
    std::vector<std::pair<pf_proxy::FlowEnds, std::unique_ptr<Wire>>> streams;
    int failure = 0;
    bool silent = false;
    int opened = 0;

  private:
    struct Pending : Opening {
        std::optional<loop::Timer> timer;
    };
    loop::Loop& loop_;
};

inline std::shared_ptr<const policy::Policy> make_policy(std::string_view text) {
    auto parsed = policy::Policy::parse(text, "p.yaml");
    REQUIRE(parsed.ok());
    return std::make_shared<const policy::Policy>(std::move(parsed).value());
}

}  // namespace pf_proxy_test
