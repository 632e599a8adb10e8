// Connections: accepting, receiving, sending, and deadlines.
#include "control.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

namespace initd {

namespace {

using base::Error;
using base::Fd;
using base::Result;
using proto::control::FieldId;
using proto::control::FrameWriter;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr int kBacklog = 64;
constexpr std::size_t kInputBytes =
    proto::control::kHeaderBytes + proto::control::kMaximumRequestPayload;
constexpr std::size_t kOutputBytes = proto::control::kHeaderBytes + proto::control::kMaximumPayload;
constexpr std::size_t kScratchBytes = 16 * 1024;
constexpr std::size_t kEventBytes = 64 * 1024;
constexpr int kLogBuffersPerTurn = 8;  // to one client

}  // namespace

Result<void> Control::prepare(const ControlSubjects& subjects, Reactor& reactor) {
    subjects_ = subjects;
    reactor_ = &reactor;
    // One piece, so that the kernel gives memory only for what is touched.
    memory_ = std::make_unique_for_overwrite<std::byte[]>(
        kMostClients * (kInputBytes + kOutputBytes) + kScratchBytes);
    std::byte* next = memory_.get();
    for (ControlClient& client : clients_) {
        client.owner_ = this;
        client.input_ = {next, kInputBytes};
        client.output_ = {next + kInputBytes, kOutputBytes};
        next += kInputBytes + kOutputBytes;
    }
    scratch_ = {reinterpret_cast<char*>(next), kScratchBytes};
    events_ = TRY(Ring::create(kEventBytes));
    return {};
}

Result<void> Control::open(const ControlSubjects& subjects, Reactor& reactor) {
    TRY(prepare(subjects, reactor));
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return Error::system("create a socket", "");
    struct sockaddr_un address {};
    address.sun_family = AF_UNIX;
    std::string_view(kControlPath).copy(address.sun_path, sizeof address.sun_path - 1);
    ::unlink(kControlPath);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(kControlPath, 0666) != 0 || ::listen(fd.get(), kBacklog) != 0) {
        return Error::system("listen on", kControlPath);
    }
    TRY(reactor.watch(fd.get(), EPOLLIN, *this));
    listener_ = std::move(fd);
    return {};
}

// One connection a turn, so that a flood of them leaves turns for others.
void Control::on_ready(std::uint32_t) {
    Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd.valid()) return admit(std::move(fd));
    // The connection that cannot be taken would wake us for ever.
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        reactor_->rest(listener_.get(), EPOLLIN, *this);
    }
}

void Control::refuse(const Fd& fd, std::string_view text) {
    std::array<std::byte, 256> memory;
    FrameWriter writer(memory, Kind::failed);
    writer.number(FieldId::code, static_cast<std::uint64_t>(base::ExitCode::temporary));
    writer.text(FieldId::text, text);
    const auto bytes = writer.finish();
    [[maybe_unused]] const ssize_t sent =
        ::send(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Control::admit(Fd fd) {
    struct ucred peer {};
    socklen_t length = sizeof peer;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return;
    const bool may_change = peer.uid == ::geteuid();
    const auto free = std::find_if(clients_.begin(), clients_.end(),
                                   [](const auto& client) { return !client.fd_.valid(); });
    const auto others = std::count_if(clients_.begin(), clients_.end(), [](const auto& client) {
        return client.fd_.valid() && !client.may_change_;
    });
    if (free == clients_.end() ||
        (!may_change && static_cast<std::size_t>(others) >= kMostClients - kReserved)) {
        return refuse(fd, "too many clients");
    }
    constexpr std::uint32_t kInterest = EPOLLIN | EPOLLRDHUP;
    if (!reactor_->watch(fd.get(), kInterest, *free).ok()) return;
    ControlClient& client = *free;
    client.fd_ = std::move(fd);
    client.interest_ = kInterest;
    client.input_used_ = client.output_used_ = client.output_sent_ = 0;
    client.user_id_ = peer.uid;
    client.may_change_ = may_change;
    client.greeted_ = client.closing_ = client.more_now_ = false;
    client.task_ = ControlClient::Task::none;
    client.wait_ = ControlClient::Wait::nothing;
    update_deadline(client, true);
}

void ControlClient::on_ready(std::uint32_t events) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) return owner_->close(*this);
    // Who does not send any more has gone, unless its last words are still to be read.
    if ((events & EPOLLRDHUP) != 0 && (events & EPOLLIN) == 0) return owner_->close(*this);
    if ((events & EPOLLIN) != 0 && idle() && !owner_->receive(*this)) return owner_->close(*this);
    owner_->serve(*this, false);
}

// False when the client has gone.
bool Control::receive(ControlClient& client) {
    const auto room = client.input_.subspan(client.input_used_);
    const ssize_t count = ::recv(client.fd_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    client.input_used_ += static_cast<std::size_t>(count);
    return count > 0;
}

Control::Sent Control::send_output(ControlClient& client, bool& progressed) {
    while (client.output_sent_ < client.output_used_) {
        const ssize_t sent =
            ::send(client.fd_.get(), client.output_.data() + client.output_sent_,
                   client.output_used_ - client.output_sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN || errno == EINTR ? Sent::some : Sent::nothing;
        client.output_sent_ += static_cast<std::size_t>(sent);
        progressed = true;
    }
    client.output_used_ = client.output_sent_ = 0;
    return Sent::all;
}

// At most some buffers of new answers, so that every client gets its turn.
void Control::serve(ControlClient& client, bool progressed) {
    Sent sent = send_output(client, progressed);
    if (sent == Sent::all && !client.closing_) {
        if (client.task_ == ControlClient::Task::none) take_request(client);
        // Logs are cheap to copy; other answers cost system calls.
        int buffers = client.task_ == ControlClient::Task::log ? kLogBuffersPerTurn : 1;
        do {
            if (client.task_ != ControlClient::Task::none) fill(client);
            sent = send_output(client, progressed);
        } while (sent == Sent::all && client.more_now_ && --buffers > 0);
    }
    if (sent == Sent::nothing) return close(client);
    if (client.closing_ && client.idle()) return close(client);
    update_interest(client);
    update_deadline(client, progressed);
}

void Control::flush() {
    for (ControlClient& client : clients_) {
        // A finished answer may uncover a request that has been received already.
        const bool has_work =
            client.task_ != ControlClient::Task::none ? !client.more_now_ : client.input_used_ > 0;
        if (client.fd_.valid() && has_work && client.output_sent_ == client.output_used_) {
            serve(client, false);
        }
    }
}

void Control::update_interest(ControlClient& client) {
    const bool writes = client.output_sent_ < client.output_used_ || client.more_now_;
    const bool reads = client.idle() && !client.closing_;
    const std::uint32_t wanted = EPOLLRDHUP | (writes ? std::uint32_t{EPOLLOUT} : 0U) |
                                 (reads ? std::uint32_t{EPOLLIN} : 0U);
    if (wanted == client.interest_) return;
    if (reactor_->change(client.fd_.get(), wanted, client).ok()) client.interest_ = wanted;
}

void Control::update_deadline(ControlClient& client, bool progressed) {
    using Wait = ControlClient::Wait;
    Wait wait = Wait::nothing;
    // A socket may not take more long before it refuses to.
    if (client.output_sent_ < client.output_used_ || client.more_now_)
        wait = client.follows() ? Wait::follow : Wait::read;
    else if (client.task_ != ControlClient::Task::none)
        wait = Wait::nothing;
    else if (!client.greeted_)
        wait = Wait::greet;
    else
        wait = client.input_used_ > 0 ? Wait::finish_frame : Wait::ask;
    if (wait == client.wait_ && !progressed) return;
    client.wait_ = wait;
    switch (wait) {
        case Wait::nothing: client.deadline_.reset(); break;
        case Wait::greet:
        case Wait::finish_frame: client.deadline_ = Clock::now() + seconds(5); break;
        case Wait::read: client.deadline_ = Clock::now() + seconds(10); break;
        // It holds nothing up; only its place is missing to others.
        case Wait::follow:
            client.deadline_ = Clock::now() + (client.may_change_ ? seconds(600) : seconds(30));
            break;
        case Wait::ask: client.deadline_ = Clock::now() + seconds(60); break;
    }
}

std::optional<Time> Control::next_deadline() const {
    std::optional<Time> soonest;
    for (const ControlClient& client : clients_) {
        if (!client.fd_.valid() || !client.deadline_) continue;
        if (!soonest || *client.deadline_ < *soonest) soonest = client.deadline_;
    }
    return soonest;
}

void Control::on_alarm(Time now) {
    for (ControlClient& client : clients_) {
        if (!client.fd_.valid() || !client.deadline_ || *client.deadline_ > now) continue;
        if (client.wait_ == ControlClient::Wait::read ||
            client.wait_ == ControlClient::Wait::follow) {
            subjects_.journal->warning("control: a client of user {} did not read and is dropped",
                                       client.user_id_);
        }
        close(client);
    }
}

bool Control::drained() const {
    return std::all_of(clients_.begin(), clients_.end(), [](const ControlClient& client) {
        return !client.fd_.valid() ||
               (client.output_sent_ == client.output_used_ && !client.more_now_);
    });
}

void Control::close(ControlClient& client) {
    reactor_->forget(client.fd_.get());
    client.fd_.reset();
    client.folder_.reset();
    client.report_.reset();
    client.deadline_.reset();
    client.task_ = ControlClient::Task::none;
    client.more_now_ = false;
    client.input_used_ = client.output_used_ = client.output_sent_ = 0;
}

}  // namespace initd
