// Datagrams, and connections with their limits.
#include "dns_stub.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/format.h"

namespace pf_proxy {

using base::Error;
using base::Fd;
using base::Result;
using std::chrono::milliseconds;
using vsockio::IpEndpoint;

namespace {

constexpr int kDatagramsInTurn = 64;
constexpr std::size_t kMaximumQueryBytes = 4096;  // by UDP; no question comes near
constexpr int kMaximumBindTries = 64;             // for a port that is free for both
constexpr milliseconds kAcceptPause{100};         // when out of descriptors

Result<Fd> bound_datagram_socket(const IpEndpoint& at) {
    sockaddr_storage native{};
    const socklen_t length = vsockio::to_socket_address(at, native);
    Fd fd(::socket(native.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid() || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&native), length) != 0) {
        return Error::system("listen on", "udp:" + to_string(at));
    }
    return fd;
}

vsockio::Address stream_address(const IpEndpoint& at) {
    vsockio::Address address;
    address.kind = vsockio::Address::Kind::tcp;
    address.host = to_string(at.address);
    address.port = at.port;
    return address;
}

}  // namespace

// A connection, in the stub's list until it leaves.
class DnsStub::Client {
  public:
    explicit Client(DnsStub& stub) : stub_(stub) {}

    Result<void> open(Fd fd, std::list<std::unique_ptr<Client>>::iterator self) {
        self_ = self;
        idle_ = TRY(loop::Timer::create(stub_.loop_, [this] { stub_.leave(self_); }));
        idle_->start(stub_.settings_.idle);
        stream_ = TRY(DnsStream::create(
            stub_.loop_, std::move(fd), [this](auto message) { arrived(message); },
            [this](bool broke) { ended(broke); }));
        return {};
    }

  private:
    void arrived(std::span<const std::byte> message) {
        ++pending_;
        stay();
        const std::weak_ptr<Client*> life = life_;
        const auto send = [life](std::span<const std::byte> answer) {
            const auto client = life.lock();
            if (client != nullptr) (*client)->answer(answer);
        };
        const bool answers = stub_.responder_.respond(message, DnsResponder::Way::stream, send);
        if (life.expired()) return;
        if (!answers) return stub_.leave(self_);
        if (pending_ >= stub_.settings_.maximum_pipelined) stream_->read(false);
    }

    void answer(std::span<const std::byte> message) {
        --pending_;
        stay();
        if (!stream_->send(message)) return stub_.leave(self_);
        stream_->read(true);
        leave_if_done();
    }

    // One that takes no answers is as idle as one that asks nothing.
    void stay() {
        if (stream_->unsent_bytes() == 0) idle_->start(stub_.settings_.idle);
    }

    void ended(bool broke) {
        if (broke) return stub_.leave(self_);
        ended_ = true;
        leave_if_done();
    }

    void leave_if_done() {
        if (ended_ && pending_ == 0 && stream_->unsent_bytes() == 0 &&
            stream_->unread_bytes() == 0) {
            stub_.leave(self_);
        }
    }

    DnsStub& stub_;
    std::list<std::unique_ptr<Client>>::iterator self_;
    std::unique_ptr<DnsStream> stream_;
    std::optional<loop::Timer> idle_;
    std::size_t pending_ = 0;
    bool ended_ = false;  // asks no more
    std::shared_ptr<Client*> life_ = std::make_shared<Client*>(this);
};

DnsStub::DnsStub(loop::Loop& loop, DnsStubSettings settings, DnsResponder& responder)
    : loop_(loop), settings_(settings), responder_(responder) {}
DnsStub::~DnsStub() = default;

Result<std::unique_ptr<DnsStub>> DnsStub::create(loop::Loop& loop, DnsStubSettings settings,
                                                 DnsResponder& responder) {
    const vsockio::IpAddress none =
        settings.listen.address.is_v4 ? vsockio::IpAddress::v4(0, 0, 0, 0) : vsockio::IpAddress();
    if (settings.listen.address == none) {
        return Error::usage(
            fmt::format("cannot answer DNS on {}: one address is needed, since answers come from "
                        "where the question went",
                        to_string(settings.listen)));
    }
    std::unique_ptr<DnsStub> made(new DnsStub(loop, settings, responder));
    TRY(made->bind_sockets());
    TRY(made->open());
    return made;
}

// A free port of TCP may be taken for UDP.
Result<void> DnsStub::bind_sockets() {
    for (int attempt = 1;; ++attempt) {
        tcp_.emplace(TRY(vsockio::Listener::create(stream_address(settings_.listen))));
        bound_ = settings_.listen;
        bound_.port = static_cast<std::uint16_t>(tcp_->bound().port);
        auto udp = bound_datagram_socket(bound_);
        if (udp.ok()) {
            udp_ = std::move(udp).value();
            return {};
        }
        const bool again = settings_.listen.port == 0 && attempt < kMaximumBindTries;
        if (!again) return std::move(udp).error();
    }
}

Result<void> DnsStub::open() {
    buffer_.resize(kMaximumQueryBytes);
    udp_poll_ = TRY(loop::Poll::create(loop_, udp_.get(), [this](int) { receive_datagrams(); }));
    tcp_poll_ = TRY(loop::Poll::create(loop_, tcp_->fd(), [this](int) { accept(); }));
    accept_again_ =
        TRY(loop::Timer::create(loop_, [this] { tcp_poll_->watch(loop::Poll::kReadable); }));
    udp_poll_->watch(loop::Poll::kReadable);
    tcp_poll_->watch(loop::Poll::kReadable);
    return {};
}

void DnsStub::receive_datagrams() {
    udp_poll_->watch(loop::Poll::kReadable);
    for (int count = 0; count < kDatagramsInTurn && receive_datagram(); ++count) {
    }
}

// False when there was none.
bool DnsStub::receive_datagram() {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    const ssize_t got = ::recvfrom(udp_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC,
                                   reinterpret_cast<sockaddr*>(&peer), &length);
    if (got < 0) return errno == ECONNREFUSED;  // of an answer that nobody wanted any more
    const auto size = static_cast<std::size_t>(got);
    if (size > buffer_.size()) return true;
    const std::weak_ptr<DnsStub*> life = life_;
    const auto send = [life, peer, length](std::span<const std::byte> answer) {
        const auto stub = life.lock();
        if (stub == nullptr) return;
        // What does not fit is lost, as datagrams are; the client asks again.
        (void)::sendto((*stub)->udp_.get(), answer.data(), answer.size(), MSG_DONTWAIT,
                       reinterpret_cast<const sockaddr*>(&peer), length);
    };
    (void)responder_.respond(std::span(buffer_).first(size), DnsResponder::Way::datagram, send);
    return true;
}

void DnsStub::accept() {
    if (clients_.size() >= settings_.maximum_streams) return tcp_poll_->watch(0);
    tcp_poll_->watch(loop::Poll::kReadable);
    auto connection = tcp_->accept();
    if (!connection.ok()) {
        tcp_poll_->watch(0);
        accept_again_->start(kAcceptPause);
        return;
    }
    if (!connection.value().has_value()) return;
    const auto client = clients_.insert(clients_.end(), std::make_unique<Client>(*this));
    if (!(*client)->open(std::move(connection.value()->fd), client).ok()) leave(client);
}

void DnsStub::leave(std::list<std::unique_ptr<Client>>::iterator client) {
    clients_.erase(client);
    tcp_poll_->watch(loop::Poll::kReadable);
}

}  // namespace pf_proxy
