// Accepting and feeding readers, edge-triggered, without waiting.
#include "readers.h"

#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace initd {

namespace {

using base::Error;
using base::Fd;
using base::Result;

constexpr int kBacklog = 16;
constexpr std::size_t kMostIgnored = 4096;        // bytes a reader may say before it is closed
constexpr std::size_t kMostPerTurn = 256 * 1024;  // to one reader
constexpr std::uint32_t kInterest = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

Result<Fd> listen_at(const ListenPlace& place) {
    const bool is_unix = !place.path.empty();
    Fd fd(::socket(is_unix ? AF_UNIX : AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return Error::system("create a socket", "");
    int bound;
    if (is_unix) {
        struct sockaddr_un address {};
        address.sun_family = AF_UNIX;
        place.path.copy(address.sun_path, sizeof address.sun_path - 1);
        ::unlink(place.path.c_str());
        bound = ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    } else {
        struct sockaddr_vm address {};
        address.svm_family = AF_VSOCK;
        address.svm_cid = VMADDR_CID_ANY;
        address.svm_port = place.port;
        bound = ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
    const std::string name = is_unix ? place.path : "vsock port " + std::to_string(place.port);
    if (bound != 0 || ::listen(fd.get(), kBacklog) != 0) return Error::system("listen on", name);
    return fd;
}

}  // namespace

Result<void> Readers::open(const ListenPlace& place, Reactor& reactor, const Ring* ring,
                           LineFormat format) {
    reactor_ = &reactor;
    ring_ = ring;
    format_ = format;
    for (Reader& reader : readers_)
        reader.owner_ = this;
    if (!place.configured()) return {};
    Fd fd = TRY(listen_at(place));
    TRY(reactor.watch(fd.get(), EPOLLIN, *this));
    listener_ = std::move(fd);
    return {};
}

void Readers::set_line(std::string line) {
    line_ = std::move(line);
    for (Reader& reader : readers_)
        reader.has_current_ = false;
}

void Readers::flush() {
    for (Reader& reader : readers_) {
        if (reader.fd_.valid() && !reader.blocked_) serve(reader);
    }
}

bool Readers::satisfied() const {
    const bool reading = std::any_of(readers_.begin(), readers_.end(),
                                     [](const Reader& reader) { return reader.fd_.valid(); });
    return !is_open() || (served_ && !reading);
}

void Readers::last_words(std::string_view text) {
    for (const Reader& reader : readers_) {
        if (!reader.fd_.valid()) continue;
        (void)::send(reader.fd_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        ::shutdown(reader.fd_.get(), SHUT_WR);
    }
}

void Readers::on_ready(std::uint32_t) {
    accept_all();
}

void Readers::accept_all() {
    while (true) {
        Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd.valid()) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            // The connection that cannot be taken would wake us for ever.
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                reactor_->rest(listener_.get(), EPOLLIN, *this);
            }
            return;
        }
        const auto free = std::find_if(readers_.begin(), readers_.end(),
                                       [](const Reader& reader) { return !reader.fd_.valid(); });
        if (free == readers_.end()) continue;  // closes it
        if (!reactor_->watch(fd.get(), kInterest, *free).ok()) {
            continue;
        }
        free->fd_ = std::move(fd);
        if (ring_ != nullptr) free->feed_.begin(*ring_, ring_->oldest(), format_);
        free->rest_ = {};
        free->blocked_ = free->has_current_ = free->has_epilogue_ = free->shut_ = false;
        free->ignored_bytes_ = 0;
        serve(*free);
    }
}

void Reader::on_ready(std::uint32_t events) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) return owner_->close(*this);
    if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) {
        std::array<char, 1024> ignored;
        ssize_t count;
        while ((count = ::recv(fd_.get(), ignored.data(), ignored.size(), MSG_DONTWAIT)) > 0) {
            ignored_bytes_ += static_cast<std::size_t>(count);
            if (ignored_bytes_ > kMostIgnored) return owner_->close(*this);
        }
        // The end of what it sends is no end of its reading, unless we are done as well.
        const bool gone = count < 0 && errno != EAGAIN && errno != EINTR;
        if (gone || (count == 0 && shut_)) return owner_->close(*this);
    }
    if ((events & EPOLLOUT) != 0) blocked_ = false;
    if (!blocked_) owner_->serve(*this);
}

// What it is to get next; empty when it has everything.
std::string_view Readers::next(Reader& reader) {
    if (ring_ != nullptr) return reader.feed_.next(wall_clock());
    if (reader.rest_.empty() && !reader.has_current_) {
        reader.has_current_ = true;
        reader.rest_ = {reader.text_.data(), line_.copy(reader.text_.data(), reader.text_.size())};
    } else if (reader.rest_.empty() && finishing_ && !reader.has_epilogue_) {
        reader.has_epilogue_ = true;
        reader.rest_ = epilogue_;
    }
    return reader.rest_;
}

// Ends when the reader takes no more, or has all, or had its share of this turn.
void Readers::serve(Reader& reader) {
    std::size_t share = kMostPerTurn;
    while (true) {
        const std::string_view text = next(reader);
        if (text.empty()) break;
        if (share < text.size()) {
            // Changing what is watched tells of its readiness anew: it is served in a later turn.
            reader.blocked_ = true;
            if (!reactor_->change(reader.fd_.get(), kInterest, reader).ok()) close(reader);
            return;
        }
        ssize_t sent;
        do {
            sent = ::send(reader.fd_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        } while (sent < 0 && errno == EINTR);
        if (sent < 0) {
            reader.blocked_ = errno == EAGAIN;
            if (!reader.blocked_) close(reader);
            return;
        }
        const std::size_t taken = static_cast<std::size_t>(sent);
        share -= taken;
        if (ring_ != nullptr)
            reader.feed_.took(taken);
        else
            reader.rest_.remove_prefix(taken);
    }
    if (finishing_ && !reader.shut_) {
        // It has everything once it closes its side in answer to ours.
        reader.shut_ = true;
        ::shutdown(reader.fd_.get(), SHUT_WR);
    }
}

void Readers::close(Reader& reader) {
    if (reader.shut_) served_ = true;
    reactor_->forget(reader.fd_.get());
    reader.fd_.reset();
}

}  // namespace initd
