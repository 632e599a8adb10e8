// Non-blocking connections, and stat(2).
#include "prober.h"

#include <sys/socket.h>

#include <cerrno>

#include "unit.h"

namespace initd {

void Prober::aim(const ReadyProbe& probe) {
    kind_ = probe.kind;
    path_ = probe.target.c_str();
    if (kind_ == ReadyProbe::Kind::tcp) {
        address_ = parse_tcp_target(probe.target).value_or(SocketAddress{});
    } else if (kind_ == ReadyProbe::Kind::local) {
        address_ = unix_address(probe.target).value_or(SocketAddress{});
    }
}

void Prober::note_start() {
    if (kind_ != ReadyProbe::Kind::file) return;
    before_ = {};
    if (::stat(path_, &before_) != 0) before_ = {};
}

bool Prober::file_is_new() const {
    struct stat now {};
    if (::stat(path_, &now) != 0) return false;
    return now.st_ino != before_.st_ino || now.st_dev != before_.st_dev ||
           now.st_ctim.tv_sec != before_.st_ctim.tv_sec ||
           now.st_ctim.tv_nsec != before_.st_ctim.tv_nsec;
}

void Prober::end() {
    schedule_.end();
    drop();
}

void Prober::drop() {
    if (!fd_.valid()) return;
    reactor_.forget(fd_.get());
    fd_.reset();
}

void Prober::on_due(Time now) {
    if (schedule_.on_due(now)) return attempt(now);
    drop();
    schedule_.on_failed(now);
}

void Prober::settle(bool succeeded) {
    drop();
    if (!succeeded) return schedule_.on_failed(std::chrono::steady_clock::now());
    schedule_.end();
    unit_.tell({Event::Kind::ready});
}

void Prober::attempt(Time) {
    if (kind_ == ReadyProbe::Kind::file) return settle(file_is_new());
    fd_ = base::Fd(
        ::socket(address_.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd_.valid()) return settle(false);
    const auto* address = reinterpret_cast<const struct sockaddr*>(&address_.storage);
    if (::connect(fd_.get(), address, address_.length) == 0) return settle(true);
    // EAGAIN of a Unix socket: its queue is full, so somebody listens.
    if (errno == EAGAIN) return settle(true);
    if (errno != EINPROGRESS || !reactor_.watch(fd_.get(), EPOLLOUT, *this).ok()) settle(false);
}

void Prober::on_ready(std::uint32_t) {
    int error = 0;
    socklen_t length = sizeof error;
    const bool asked = ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0;
    settle(asked && error == 0);
}

}  // namespace initd
