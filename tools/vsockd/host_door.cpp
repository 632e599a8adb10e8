// Callers at the host's door of a guest.
#include "host_door.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/log.h"
#include "connect_line.h"
#include "device.h"

namespace vsockd {

using base::Fd;
using base::Result;

namespace {

// Callers who have not said their line; the rest wait in the listener's queue.
constexpr std::size_t kMaximumCallers = 256;
constexpr std::chrono::milliseconds kPause{100};

}  // namespace

Result<std::unique_ptr<HostDoor>> HostDoor::create(loop::Loop& loop, const Settings& settings,
                                                   Router& router, std::uint32_t cid) {
    vsockio::Address address;
    address.kind = vsockio::Address::Kind::local;
    address.path = host_path(settings, cid);
    vsockio::Listener listener = TRY(vsockio::Listener::create(address));
    std::unique_ptr<HostDoor> door(new HostDoor(loop, settings, router, cid, std::move(listener)));
    HostDoor* self = door.get();
    door->poll_ =
        TRY(loop::Poll::create(loop, door->listener_.fd(), [self](int) { self->on_caller(); }));
    door->pause_ =
        TRY(loop::Timer::create(loop, [self] { self->poll_->watch(loop::Poll::kReadable); }));
    door->poll_->watch(loop::Poll::kReadable);
    return door;
}

void HostDoor::on_caller() {
    if (callers_.size() >= kMaximumCallers) {
        poll_->watch(0);  // hang_up() opens again
        return;
    }
    Result<std::optional<vsockio::Connection>> accepted = listener_.accept();
    if (!accepted.ok()) {
        base::log::warning("cannot accept", {{"cid", cid_}, {"reason", accepted.error().message}});
        pause();
        return;
    }
    if (accepted.value()) listen_to(std::move(accepted.value()->fd));
}

void HostDoor::pause() {
    poll_->watch(0);
    pause_->start(kPause);
}

void HostDoor::listen_to(Fd socket) {
    callers_.push_front({std::move(socket), std::nullopt, std::nullopt, {}});
    const Place place = callers_.begin();
    Result<loop::Poll> poll =
        loop::Poll::create(loop_, place->socket.get(), [this, place](int) { on_readable(place); });
    Result<loop::Timer> timer = loop::Timer::create(loop_, [this, place] { hang_up(place); });
    if (!poll.ok() || !timer.ok()) {
        callers_.erase(place);
        return;
    }
    place->poll = std::move(poll).value();
    place->timer = std::move(timer).value();
    place->poll->watch(loop::Poll::kReadable);
    place->timer->start(settings_.connect_timeout);
}

// Takes the line and nothing after it, which is already meant for the guest.
void HostDoor::on_readable(Place place) {
    char bytes[kLongestConnectLine];
    const ssize_t count = ::recv(place->socket.get(), bytes, sizeof bytes, MSG_PEEK);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        hang_up(place);
        return;
    }
    const std::string_view seen(bytes, static_cast<std::size_t>(count));
    const std::size_t end = seen.find('\n');
    const bool complete = end != std::string_view::npos;
    const std::size_t taken = complete ? end + 1 : seen.size();
    if (place->line.size() + taken > kLongestConnectLine) {
        hang_up(place);
        return;
    }
    (void)::recv(place->socket.get(), bytes, taken, 0);
    place->line += seen.substr(0, taken);
    if (!complete) return;
    const std::optional<std::uint32_t> port = parse_connect_line(place->line);
    if (port) {
        hand_over(place, *port);
    } else {
        hang_up(place);
    }
}

void HostDoor::hand_over(Place place, std::uint32_t port) {
    place->poll.reset();
    Device* device = router_.find(cid_);
    const bool taken =
        device != nullptr && device->connect_from_parent(std::move(place->socket), port);
    if (!taken) {
        base::log::warning("refused a connection",
                           {{"cid", cid_},
                            {"reason", device == nullptr ? "no guest is attached"
                                                         : "the guest has too many connections"},
                            {"dst_port", port}});
    }
    hang_up(place);
}

void HostDoor::hang_up(Place place) {
    place->poll.reset();
    callers_.erase(place);
    if (callers_.size() + 1 == kMaximumCallers) poll_->watch(loop::Poll::kReadable);
}

}  // namespace vsockd
