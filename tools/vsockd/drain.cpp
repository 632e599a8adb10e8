// The last bytes of ended connections.
#include "drain.h"

#include <sys/socket.h>

#include <cerrno>

namespace vsockd {

namespace {

// Without progress for so long, the reader is taken for dead.
constexpr std::chrono::milliseconds kPatience{300'000};

}  // namespace

void Drains::add(base::Fd socket, ByteQueue backlog) {
    drains_.push_front({std::move(socket), std::move(backlog), std::nullopt, std::nullopt});
    const Place place = drains_.begin();
    base::Result<loop::Poll> poll =
        loop::Poll::create(loop_, place->socket.get(), [this, place](int) { on_writable(place); });
    base::Result<loop::Timer> timer = loop::Timer::create(loop_, [this, place] { remove(place); });
    if (!poll.ok() || !timer.ok()) {
        remove(place);
        return;
    }
    place->poll = std::move(poll).value();
    place->timer = std::move(timer).value();
    place->poll->watch(loop::Poll::kWritable);
    place->timer->start(kPatience);
}

void Drains::on_writable(Place place) {
    const std::span<const std::byte> front = place->backlog.front();
    const ssize_t count =
        ::send(place->socket.get(), front.data(), front.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count > 0) place->backlog.drop(static_cast<std::size_t>(count));
    if (count < 0 || place->backlog.empty()) {
        remove(place);
    } else {
        place->timer->start(kPatience);
    }
}

void Drains::remove(Place place) {
    place->poll.reset();
    drains_.erase(place);
}

}  // namespace vsockd
