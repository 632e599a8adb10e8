// Connecting a guest's request to whoever it is for.
#include "router.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "device.h"

namespace vsockd {

using base::Fd;

namespace {

// The port on which the hypervisor's side of Nitro expects an enclave's first sign of life.
constexpr std::uint32_t kHeartbeatPort = 9000;

struct Attempt {
    Fd socket;
    int errno_value = 0;
};

// Connecting to a Unix socket never waits: it works, fails, or finds the queue full.
Attempt connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return {Fd(), ENAMETOOLONG};
    path.copy(address.sun_path, path.size());
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) return {Fd(), errno};
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return {Fd(), errno};
    }
    return {std::move(socket), 0};
}

const char* refusal(int errno_value) {
    switch (errno_value) {
        case ENOENT: return "nobody listens";
        case ECONNREFUSED: return "the listener is gone";
        case EMFILE:
        case ENFILE: return "out of descriptors";
        default: return std::strerror(errno_value);
    }
}

}  // namespace

Device* Router::find(std::uint32_t cid) const {
    const auto found = devices_.find(cid);
    return found == devices_.end() ? nullptr : found->second;
}

Dialed Router::dial(const Header& request) {
    const auto guest_cid = static_cast<std::uint32_t>(request.source_cid);
    if (request.destination_cid == kHostCid || request.destination_cid == kParentCid) {
        return dial_parent(guest_cid, request.destination_port);
    }
    if (!settings_.allow_siblings) return {Dialed::Outcome::refused, Fd(), "not the parent's CID"};
    return dial_sibling(request);
}

Dialed Router::dial_parent(std::uint32_t guest_cid, std::uint32_t port) {
    Attempt attempt = connect_to(guest_port_path(settings_, guest_cid, port));
    if (attempt.errno_value == ENOENT) attempt = connect_to(parent_port_path(settings_, port));
    if (attempt.socket.valid()) {
        return {Dialed::Outcome::connected, std::move(attempt.socket), ""};
    }
    if (attempt.errno_value == EAGAIN) return {Dialed::Outcome::busy, Fd(), "the queue is full"};
    const bool absent = attempt.errno_value == ENOENT || attempt.errno_value == ECONNREFUSED;
    if (absent && settings_.heartbeat && port == kHeartbeatPort) {
        base::Result<Fd> answering = heartbeat_.open(guest_cid);
        if (answering.ok()) {
            return {Dialed::Outcome::connected, std::move(answering).value(), ""};
        }
    }
    return {Dialed::Outcome::refused, Fd(), refusal(attempt.errno_value)};
}

Dialed Router::dial_sibling(const Header& request) {
    Device* sibling = request.destination_cid > kLastGuestCid
                          ? nullptr
                          : find(static_cast<std::uint32_t>(request.destination_cid));
    if (sibling == nullptr || request.destination_cid == request.source_cid) {
        return {Dialed::Outcome::refused, Fd(), "no such guest"};
    }
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        return {Dialed::Outcome::refused, Fd(), refusal(errno)};
    }
    Fd own(ends[0]);
    Fd theirs(ends[1]);
    const ConnectionKey key{static_cast<std::uint32_t>(request.source_cid), request.source_port,
                            request.destination_port};
    if (!sibling->connect(std::move(theirs), key)) {
        return {Dialed::Outcome::refused, Fd(), "the guest has too many connections"};
    }
    return {Dialed::Outcome::awaits_line, std::move(own), ""};
}

}  // namespace vsockd
