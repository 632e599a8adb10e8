// The listener: a small loop over poll(2), because it forks and libuv's loop does not like that.
#include "serve.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <optional>

#include "admission.h"
#include "base/bytes.h"
#include "base/format.h"
#include "base/log.h"
#include "base/main.h"
#include "base/text.h"
#include "operations.h"
#include "session_groups.h"
#include "vsockio/listen.h"
#include "waiting.h"

namespace pipeline {

using base::Error;
using base::Fd;
using base::Result;

namespace {

// Sessions get this long to end their commands when the server ends.
constexpr std::chrono::milliseconds kEndingLimit{5'000};
constexpr std::chrono::milliseconds kAcceptPause{100};  // out of descriptors or processes
constexpr int kFirstFreeDescriptor = 5;
// Who has said nothing yet costs a descriptor only, so that more of them may wait.
constexpr std::size_t kWaitingForEachGreeting = 8;
constexpr std::size_t kMaximumWaiting = 768;
constexpr int kAcceptsPerTurn = 32;

using Clock = std::chrono::steady_clock;

struct Guest {  // a session, as the listener sees it
    pid_t pid = -1;
    Fd socket;
    std::uint64_t number = 0;
    AuditIdentity identity;  // the key is empty until it has proved one

    bool greeting() const { return identity.key.empty(); }
    Worker worker() const { return {number, identity}; }
};

class Server {
  public:
    Server(const ServeSettings& settings, crypto::Identity identity, vsockio::Listener listener,
           Fd signals, Operations operations)
        : settings_(settings),
          identity_(std::move(identity)),
          listener_(std::move(listener)),
          signals_(std::move(signals)),
          operations_(std::move(operations)),
          waiting_(std::min(settings.max_greetings * kWaitingForEachGreeting, kMaximumWaiting),
                   settings.greeting_limit) {}

    Result<int> run();

  private:
    Result<void> turn();
    void hear_signals();
    int wait_ms(bool pausing) const;
    void accept_some();
    void admit(vsockio::Connection connection);
    [[noreturn]] void become_session(vsockio::Connection connection, Fd to_listener);
    void hear(Guest& guest);
    void answer_admission(Guest& guest, std::string_view fingerprint);
    void leave(Guest& guest);
    void make_room();
    void reap();
    std::size_t greeting_count() const;

    const ServeSettings& settings_;
    crypto::Identity identity_;
    vsockio::Listener listener_;
    Fd signals_;
    Operations operations_;
    std::vector<Guest> guests_;
    SessionGroups leftovers_;
    WaitingRoom waiting_;
    std::uint64_t last_number_ = 0;
    Clock::time_point accept_again_{};
    std::optional<Clock::time_point> ending_;
};

Result<int> Server::run() {
    while (!ending_.has_value() || (!guests_.empty() && Clock::now() < *ending_)) {
        TRY(turn());
    }
    for (Guest& guest : guests_) {
        ::kill(guest.pid, SIGKILL);
        leave(guest);
    }
    return 0;
}

Result<void> Server::turn() {
    std::vector<pollfd> watched;
    const bool pausing = ending_.has_value() || Clock::now() < accept_again_;
    watched.push_back({signals_.get(), POLLIN, 0});
    watched.push_back({pausing ? -1 : listener_.fd(), POLLIN, 0});
    for (const Guest& guest : guests_)
        watched.push_back({guest.socket.get(), POLLIN, 0});
    const std::size_t count = guests_.size();
    waiting_.watch(watched, Clock::now());
    if (::poll(watched.data(), watched.size(), wait_ms(pausing)) < 0 && errno != EINTR) {
        return Error::system("wait for", "connections");
    }
    if (watched[0].revents != 0) hear_signals();
    for (std::size_t index = 0; index < count; ++index) {
        if (watched[index + 2].revents != 0) hear(guests_[index]);
    }
    std::erase_if(guests_, [this](const Guest& guest) {
        if (guest.socket.valid()) return false;
        if (!guest.greeting()) leftovers_.add(guest.pid);
        return true;
    });
    leftovers_.sweep();
    if (ending_.has_value()) return {};
    for (vsockio::Connection& one :
         waiting_.look(std::span(watched).subspan(count + 2), Clock::now())) {
        admit(std::move(one));
    }
    if (watched[1].revents != 0) accept_some();
    return {};
}

// Until the next thing that no descriptor tells of; -1 for none.
int Server::wait_ms(bool pausing) const {
    std::optional<Clock::time_point> due;
    if (!ending_.has_value()) due = waiting_.next();
    if (pausing || leftovers_.busy()) {
        const auto soon = Clock::now() + kAcceptPause;
        due = due.has_value() ? std::min(*due, soon) : soon;
    }
    if (!due.has_value()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - Clock::now());
    return static_cast<int>(std::max(left, std::chrono::milliseconds(0)).count());
}

void Server::hear_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD || ending_.has_value()) continue;
        base::log::info("ending", {{"sessions", guests_.size()}});
        ending_ = Clock::now() + kEndingLimit;
        for (const Guest& guest : guests_)
            ::kill(guest.pid, SIGTERM);
    }
    reap();
}

void Server::reap() {
    int status = 0;
    while (::waitpid(-1, &status, WNOHANG) > 0) {
    }
}

std::size_t Server::greeting_count() const {
    return static_cast<std::size_t>(std::ranges::count_if(guests_, &Guest::greeting));
}

// Whoever has stalled the longest makes room, so that a good client never waits for one that says
// nothing.
void Server::make_room() {
    if (greeting_count() < settings_.max_greetings) return;
    const auto oldest = std::ranges::find_if(guests_, &Guest::greeting);
    ::kill(oldest->pid, SIGKILL);
    guests_.erase(oldest);
}

void Server::accept_some() {
    for (int count = 0; count < kAcceptsPerTurn; ++count) {
        Result<std::optional<vsockio::Connection>> connection = listener_.accept();
        if (!connection.ok()) {
            base::log::warning("cannot accept", {{"error", connection.error().message}});
            waiting_.end_oldest();
            accept_again_ = Clock::now() + kAcceptPause;
            return;
        }
        if (!connection.value().has_value()) return;
        waiting_.add(std::move(*std::move(connection).value()), Clock::now());
    }
}

void Server::admit(vsockio::Connection connection) {
    make_room();
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        accept_again_ = Clock::now() + kAcceptPause;
        return base::log::warning("cannot start a session", {{"error", std::strerror(errno)}});
    }
    Fd ours(ends[0]);
    Fd theirs(ends[1]);
    Guest guest;
    guest.identity.peer = connection.peer();
    guest.number = ++last_number_;
    guest.pid = ::fork();
    if (guest.pid == 0) become_session(std::move(connection), std::move(theirs));
    if (guest.pid < 0) {
        accept_again_ = Clock::now() + kAcceptPause;
        return base::log::warning("cannot start a session", {{"error", std::strerror(errno)}});
    }
    leftovers_.forget(guest.pid);
    (void)base::set_nonblocking(ours.get(), true);
    guest.socket = std::move(ours);
    guests_.push_back(std::move(guest));
}

void Server::become_session(vsockio::Connection connection, Fd to_listener) {
    // The two descriptors of a session move out of the way of everything else, which is closed.
    const int socket = ::fcntl(connection.fd.get(), F_DUPFD_CLOEXEC, 64);
    const int listener = ::fcntl(to_listener.get(), F_DUPFD_CLOEXEC, 64);
    if (socket < 0 || listener < 0 || ::dup3(socket, 3, O_CLOEXEC) < 0 ||
        ::dup3(listener, 4, O_CLOEXEC) < 0 || ::close_range(kFirstFreeDescriptor, ~0U, 0) != 0) {
        ::_exit(static_cast<int>(base::ExitCode::os));
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    // Nobody of the same user looks into a process that holds a channel.
    ::prctl(PR_SET_DUMPABLE, 0);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::_exit(run_session({settings_, identity_, Fd(3), Fd(4), connection.peer()}));
}

void Server::hear(Guest& guest) {
    std::array<std::byte, kMaximumDatagram> datagram;
    const ssize_t count =
        ::recv(guest.socket.get(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0 || static_cast<std::size_t>(count) > datagram.size()) {
        return leave(guest);  // it has ended, or says what no session of ours says
    }
    const auto said = std::span(datagram).first(static_cast<std::size_t>(count));
    if (said[0] == kAskAdmission && guest.greeting()) {
        answer_admission(guest, base::as_text(said.subspan(1)));
    } else if (said[0] == kOperationBegun) {
        operations_.begun(guest.worker(), said.subspan(1), Clock::now());
    } else if (said[0] == kOperationEnded) {
        operations_.ended(guest.worker(), said.subspan(1), Clock::now());
    }
}

void Server::leave(Guest& guest) {
    guest.socket.reset();
    operations_.session_over(guest.worker(), Clock::now());
}

void Server::answer_admission(Guest& guest, std::string_view fingerprint) {
    const auto admitted = guests_.size() - greeting_count();
    std::byte answer[4];
    std::size_t size = sizeof answer;
    if (admitted >= settings_.max_sessions) {
        answer[0] = kFull;
        size = 1;
    } else {
        const auto others = std::ranges::count_if(
            guests_, [&](const Guest& other) { return other.identity.key == fingerprint; });
        base::store_be(std::span(answer), static_cast<std::uint32_t>(others));
        guest.identity.key = fingerprint;
        const AuthorizedKey* key = find_key(settings_.keys, fingerprint);
        if (key != nullptr) guest.identity.comment = key->comment;
    }
    (void)::send(guest.socket.get(), answer, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

Result<Fd> signal_descriptor() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT})
        ::sigaddset(&set, signal);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return Error::system("block", "signals");
    Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd.valid()) return Error::system("wait for", "signals");
    return fd;
}

}  // namespace

Result<int> serve(const ServeSettings& settings, std::string_view ready) {
    vsockio::Listener listener = TRY(vsockio::Listener::create(settings.address));
    crypto::Identity identity = TRY(crypto::Identity::generate());
    Fd signals = TRY(signal_descriptor());
    Operations operations = TRY(Operations::create(settings.audit_file));
    base::log::info("listening",
                    {{"address", to_string(listener.bound())}, {"keys", settings.keys.size()}});
    Server server(settings, std::move(identity), std::move(listener), std::move(signals),
                  std::move(operations));
    TRY(base::announce_ready(ready));
    return server.run();
}

}  // namespace pipeline
