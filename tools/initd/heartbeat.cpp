// The boot heartbeat of Nitro enclaves: one byte there, the same byte back.
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "machine.h"

namespace initd {

namespace {

using base::Error;
using base::Fd;
using base::Result;
using Clock = std::chrono::steady_clock;

constexpr unsigned kPort = 9000;
constexpr unsigned char kBeat = 0xB7;
constexpr unsigned kParents[] = {3, 2};  // Nitro's parent; a plain hypervisor's host

Result<void> await(int fd, short events, Clock::time_point deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    struct pollfd poll {
        fd, events, 0
    };
    const int ready = left.count() <= 0 ? 0 : ::poll(&poll, 1, static_cast<int>(left.count()));
    if (ready > 0) return {};
    return Error::system("reach the parent", "", ready == 0 ? ETIMEDOUT : errno);
}

Result<Fd> connect_to(unsigned cid, Clock::time_point deadline) {
    Fd fd(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return Error::system("create a vsock", "");
    struct sockaddr_vm address {};
    address.svm_family = AF_VSOCK;
    address.svm_cid = cid;
    address.svm_port = kPort;
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    if (errno != EINPROGRESS && errno != EAGAIN) return Error::system("connect", "");
    TRY(await(fd.get(), POLLOUT, deadline));
    int failure = 0;
    socklen_t length = sizeof failure;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failure, &length);
    if (failure != 0) return Error::system("connect", "", failure);
    return fd;
}

Result<void> beat(int fd, Clock::time_point deadline) {
    unsigned char byte = kBeat;
    if (::send(fd, &byte, 1, MSG_NOSIGNAL) != 1) return Error::system("send the heartbeat", "");
    TRY(await(fd, POLLIN, deadline));
    byte = 0;
    const ssize_t count = ::recv(fd, &byte, 1, 0);
    if (count < 0) return Error::system("receive the heartbeat", "");
    if (count == 1 && byte == kBeat) return {};
    return Error(base::ExitCode::protocol,
                 count == 0 ? std::string("the parent closed the heartbeat")
                            : fmt::format("the parent answered 0x{:02x} to the heartbeat", byte));
}

}  // namespace

// Each parent gets half the time to accept; who accepted but does not answer is not asked twice.
Result<unsigned> send_heartbeat(std::chrono::milliseconds timeout) {
    const auto start = Clock::now();
    auto deadline = start + timeout / 2;
    for (const unsigned cid : kParents) {
        Result<Fd> connected = connect_to(cid, deadline);
        deadline = start + timeout;
        if (!connected.ok() && cid != kParents[1]) continue;
        const Fd fd = TRY(std::move(connected));
        TRY(beat(fd.get(), deadline));
        return cid;
    }
    return Error::system("reach the parent", "", ETIMEDOUT);
}

}  // namespace initd
