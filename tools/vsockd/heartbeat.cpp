// The heartbeat's other end.
#include "heartbeat.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/log.h"

namespace vsockd {

using base::Error;
using base::Fd;
using base::Result;

namespace {

constexpr std::uint8_t kHeartbeatByte = 0xB7;

}  // namespace

Result<Fd> Heartbeat::open(std::uint32_t cid) {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        return Error::system("make", "a pair of sockets");
    }
    Fd theirs(ends[0]);
    answers_.push_front({cid, Fd(ends[1]), std::nullopt});
    const Place place = answers_.begin();
    Result<loop::Poll> poll =
        loop::Poll::create(loop_, place->socket.get(), [this, place](int) { on_readable(place); });
    if (!poll.ok()) {
        answers_.erase(place);
        return std::move(poll).error();
    }
    place->poll = std::move(poll).value();
    place->poll->watch(loop::Poll::kReadable);
    return theirs;
}

void Heartbeat::on_readable(Place place) {
    std::uint8_t byte = 0;
    const ssize_t count = ::recv(place->socket.get(), &byte, 1, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const bool right = count == 1 && byte == kHeartbeatByte;
    if (right) {
        (void)::send(place->socket.get(), &byte, 1, MSG_NOSIGNAL);
        base::log::info("heartbeat", {{"cid", place->cid}});
    }
    // One byte is all there is; the end of the stream follows the answer.
    place->poll.reset();
    answers_.erase(place);
}

}  // namespace vsockd
