// A connection's way through the device: dialed or asked for, established, ended.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/format.h"
#include "device.h"
#include "vhost_channel.h"

namespace vsockd {

namespace {

// A listener whose queue is full gets another try so soon.
constexpr std::chrono::milliseconds kRedialDelay{10};
// How long a guest may take to say its last word after the host has gone. Linux says it when the
// program has read what was left, or closes.
constexpr std::chrono::milliseconds kLinger{60'000};
// "OK " and ten digits and the newline.
constexpr std::size_t kLongestLine = 16;

}  // namespace

void Device::accept_request(const Header& request) {
    std::erase_if(resets_, [&](const Header& reset) {
        // A reset still on its way to an earlier user of the ports would hit the new one.
        return reset.destination_port == request.source_port &&
               reset.source_port == request.destination_port &&
               reset.source_cid == request.destination_cid;
    });
    if (!room_for_one_more()) {
        report("refused a connection", request, "too many connections");
        queue_reset(reset_for(request));
        return;
    }
    Stream& stream = insert(Connection::from_guest(request, settings_.buffer_bytes));
    stream.deadline = loop_.now() + settings_.connect_timeout;
    dial(stream, request);
}

void Device::dial(Stream& stream, const Header& request) {
    Dialed dialing = router_.dial(request);
    stream.socket = std::move(dialing.socket);
    switch (dialing.outcome) {
        case Dialed::Outcome::connected: dialed(stream); return;
        case Dialed::Outcome::awaits_line: await_line(stream, request); return;
        case Dialed::Outcome::refused: refuse(stream, request, dialing.reason); return;
        case Dialed::Outcome::busy: break;
    }
    if (loop_.now() >= stream.deadline ||
        !start_timer(stream, kRedialDelay, [this, &stream, request] {
            Turn turn(*this);
            dial(stream, request);
        })) {
        refuse(stream, request, dialing.reason);
    }
}

void Device::dialed(Stream& stream) {
    stream.timer.reset();
    if (!stream.poll && !watch_socket(stream)) {
        reset(stream);
        return;
    }
    stream.connection.host_connected();
    queue_control(stream);
    update_watch(stream);
}

void Device::refuse(Stream& stream, const Header& request, std::string_view reason) {
    report("refused a connection", request, reason);
    reset(stream);
}

// The sibling's device answers through the socket as it would answer a host.
void Device::await_line(Stream& stream, const Header& request) {
    stream.awaits_line = true;
    const std::chrono::milliseconds left = std::max(stream.deadline - loop_.now(), kRedialDelay);
    const bool timed = start_timer(stream, left, [this, &stream, request] {
        Turn turn(*this);
        refuse(stream, request, "timed out");
    });
    if (!timed || !watch_socket(stream)) {
        refuse(stream, request, "out of resources");
        return;
    }
    stream.poll->watch(loop::Poll::kReadable);
}

void Device::established(Stream& stream) {
    stream.timer.reset();
    if (stream.answers_line) {
        const std::string line = fmt::format("OK {}\n", stream.connection.key().peer_port);
        // A socket that has carried nothing yet takes a line.
        (void)::send(stream.socket.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    update_watch(stream);
}

void Device::host_ended(Stream& stream, bool both) {
    stream.connection.host_ended(both);
    queue_control(stream);
    if (stream.connection.lingers()) {
        linger(stream);
    } else {
        update_watch(stream);
    }
}

// The socket is of no use to anybody any more; the guest may still read what it has got.
void Device::linger(Stream& stream) {
    stream.backlog.clear();
    stream.close();
    const bool timed = start_timer(stream, kLinger, [this, &stream] {
        Turn turn(*this);
        reset(stream);
    });
    if (!timed) reset(stream);
}

void Device::close(Stream& stream) {
    if (gathered_.stream == &stream) flush_gathered();
    if (stream.socket.valid() && !stream.backlog.empty()) {
        stream.poll.reset();
        drains_.add(std::move(stream.socket), std::move(stream.backlog));
    }
    remove(stream);
}

void Device::reset(Stream& stream) {
    // A guest that has not heard of a connection need not hear of its end.
    if (!stream.connection.unheard_of()) queue_reset(stream.connection.reset_packet());
    close(stream);
}

bool Device::watch_socket(Stream& stream) {
    base::Result<loop::Poll> poll = loop::Poll::create(
        loop_, stream.socket.get(), [this, &stream](int events) { on_event(stream, events); });
    if (!poll.ok()) return false;
    stream.poll = std::move(poll).value();
    return true;
}

void Device::update_watch(Stream& stream) {
    if (!stream.poll) return;
    // Readable again and again while the guest has no room would be a busy loop.
    const bool reads =
        stream.connection.reads_host() && !stream.starved && stream.connection.credit() > 0;
    const bool writes = !stream.backlog.empty();
    stream.poll->watch((reads ? loop::Poll::kReadable : 0) | (writes ? loop::Poll::kWritable : 0));
}

bool Device::start_timer(Stream& stream, std::chrono::milliseconds delay,
                         std::function<void()> fired) {
    base::Result<loop::Timer> timer = loop::Timer::create(loop_, std::move(fired));
    if (!timer.ok()) return false;
    stream.timer = std::move(timer).value();
    stream.timer->start(delay);
    return true;
}

void Device::on_event(Stream& stream, int events) {
    Turn turn(*this);
    if (stream.awaits_line) {
        // The line is written whole and nothing follows it before our answer reaches the sibling.
        char line[kLongestLine];
        const ssize_t count = ::recv(stream.socket.get(), line, sizeof line, MSG_PEEK);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        const std::string_view text(line, count > 0 ? static_cast<std::size_t>(count) : 0);
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) {
            report("refused a connection", stream.connection.reset_packet(), "the guest refuses");
            reset(stream);
            return;
        }
        (void)::recv(stream.socket.get(), line, end + 1, 0);
        stream.awaits_line = false;
        dialed(stream);
        return;
    }
    if ((events & loop::Poll::kWritable) != 0 && !stream.backlog.empty()) on_writable(stream);
    // Writing may have ended the connection; then it has no socket.
    if ((events & loop::Poll::kReadable) != 0 && stream.socket.valid()) read_host(stream);
}

}  // namespace vsockd
