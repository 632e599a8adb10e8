// Datagrams and their senders.
#include "notify_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "probe.h"
#include "unit.h"

namespace initd {

namespace {

using base::Error;
using Clock = std::chrono::steady_clock;

constexpr int kPerTurn = 16;            // so that others get their turns
constexpr unsigned kPerSecond = 256;    // more than any watchdog needs
char buffer[kLongestNotification + 1];  // one thread; nothing is kept in it between datagrams

// A sender that gives a descriptor waits until it is closed (BARRIER=1), and may be gone right
// after: so it is closed only when the datagram has been judged.
struct Ancillary {
    struct ucred sender {};
    std::array<base::Fd, 2> barrier;  // padding leaves room for two
};

Ancillary ancillary_of(struct msghdr& message) {
    Ancillary given;
    for (struct cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET) continue;
        if (header->cmsg_type == SCM_CREDENTIALS) {
            std::memcpy(&given.sender, CMSG_DATA(header), sizeof given.sender);
        } else if (header->cmsg_type == SCM_RIGHTS) {
            std::array<int, 2> numbers{-1, -1};
            const std::size_t size = std::min(header->cmsg_len - CMSG_LEN(0), sizeof numbers);
            std::memcpy(numbers.data(), CMSG_DATA(header), size);
            for (std::size_t index = 0; index < numbers.size(); ++index)
                given.barrier[index] = base::Fd(numbers[index]);
        }
    }
    return given;
}

}  // namespace

std::string NotifySocket::path_of(const std::string& service) {
    return std::string(kFolder) + "/" + service;
}

base::Result<std::unique_ptr<NotifySocket>> NotifySocket::open(const std::string& service,
                                                               const Account& account) {
    if (::mkdir(kFolder, 0711) != 0 && errno != EEXIST) return Error::system("make", kFolder);
    const std::string path = path_of(service);
    base::Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return Error::system("create a socket", "");
    const std::optional<SocketAddress> address = unix_address(path);
    if (!address) return Error::usage("the path of the notification socket is too long");
    const int on = 1;
    ::unlink(path.c_str());
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
        ::bind(fd.get(), reinterpret_cast<const struct sockaddr*>(&address->storage),
               address->length) != 0) {
        return Error::system("listen on", path);
    }
    std::unique_ptr<NotifySocket> socket(new NotifySocket(std::move(fd), path));
    if (::chmod(path.c_str(), 0600) != 0) return Error::system("protect", path);
    socket->belong_to(account);
    return socket;
}

NotifySocket::~NotifySocket() {
    if (reactor_ != nullptr) reactor_->forget(fd_.get());
    ::unlink(path_.c_str());
}

void NotifySocket::attach(Unit& unit, Reactor& reactor) {
    unit_ = &unit;
    reactor_ = &reactor;
    (void)reactor.watch(fd_.get(), EPOLLIN, *this);
}

void NotifySocket::belong_to(const Account& account) {
    // Root may open it anyway, and where there is no other user nothing needs to change.
    if (account.user != 0 || account.group != 0) {
        [[maybe_unused]] const int changed = ::chown(path_.c_str(), account.user, account.group);
    }
}

void NotifySocket::reset() {
    while (::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT) >= 0)
        continue;
    status_bytes_ = 0;
    complained_ = slowed_ = false;
}

void NotifySocket::complain(std::string_view what) {
    if (complained_) return;
    complained_ = true;
    unit_->warn("a notification is passed over, as further ones will be without a word", what);
}

// Beyond the limit the socket is left alone until the second is over: its queue fills, and whoever
// sends has to wait.
void NotifySocket::count() {
    const Time now = Clock::now();
    if (now - second_began_ >= std::chrono::seconds(1)) {
        second_began_ = now;
        this_second_ = 0;
    }
    if (++this_second_ < kPerSecond || paused_until_) return;
    reactor_->forget(fd_.get());
    paused_until_ = second_began_ + std::chrono::seconds(1);
    if (!slowed_) unit_->warn("it sends too many notifications and is slowed down", "");
    slowed_ = true;
}

void NotifySocket::on_due() {
    paused_until_.reset();
    (void)reactor_->watch(fd_.get(), EPOLLIN, *this);
}

void NotifySocket::on_ready(std::uint32_t) {
    unit_->take_announcements();
}

void NotifySocket::drain() {
    for (int taken = 0; taken < kPerTurn && !paused_until_; ++taken) {
        if (!take_one()) return;
    }
}

// False when there was none.
bool NotifySocket::take_one() {
    struct iovec piece {
        buffer, sizeof buffer
    };
    // Room for the sender and for the descriptor of a barrier; the kernel closes what does not fit.
    alignas(struct cmsghdr)
        std::array<char, CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))>
            control{};
    struct msghdr message {};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t bytes = ::recvmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (bytes < 0) return errno == EINTR;
    count();
    const Ancillary given = ancillary_of(message);
    if (!unit_->owns(given.sender.pid)) {
        complain("its sender is no process of the service");
        return true;
    }
    std::string_view why;
    const auto notification = parse_notification({buffer, static_cast<std::size_t>(bytes)}, why);
    if (notification)
        act_on(*notification);
    else
        complain(why);
    return true;
}

void NotifySocket::act_on(const Notification& notification) {
    if (notification.status) {
        status_bytes_ = notification.status->copy(status_.data(), status_.size());
        // It is shown in one line.
        std::replace_if(
            status_.begin(), status_.begin() + static_cast<std::ptrdiff_t>(status_bytes_),
            [](char byte) { return static_cast<unsigned char>(byte) < 0x20; }, ' ');
    }
    if (notification.main_pid && !unit_->follow(*notification.main_pid)) {
        complain("MAINPID is no process of the service");
    }
    if (notification.watchdog) {
        unit_->tell({.kind = Event::Kind::set_watchdog, .amount = *notification.watchdog});
    }
    if (notification.extend) {
        unit_->tell({.kind = Event::Kind::extend, .amount = *notification.extend});
    }
    if (notification.ready) unit_->tell({Event::Kind::ready});
    if (notification.alive) unit_->tell({Event::Kind::alive});
    if (notification.lapsed) unit_->tell({Event::Kind::lapsed});
    if (notification.stopping) unit_->tell({Event::Kind::announced_end});
}

}  // namespace initd
