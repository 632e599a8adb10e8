// Listening: one connection, one after the other, or a process for each.
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/format.h"
#include "base/log.h"
#include "base/main.h"
#include "vcat.h"
#include "vsockio/listen.h"

namespace vcat {

using base::Error;
using base::Fd;
using base::Result;

namespace {

// SIGCHLD, SIGTERM and SIGINT as readable events, so that accepting needs no timer.
Result<Fd> watch_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT})
        sigaddset(&set, signal);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return Error::system("block signals", "");
    Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd.valid()) return Error::system("watch signals", "");
    return fd;
}

bool asked_to_end(int signals) {
    signalfd_siginfo info{};
    bool ended = false;
    while (::read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        if (info.ssi_signo != SIGCHLD) ended = true;
    }
    return ended;
}

Result<void> start_command(vsockio::Connection connection, const Settings& settings) {
    const pid_t child = ::fork();
    if (child < 0) return Error::system("start", settings.command[0]);
    if (child > 0) return {};
    const Error error = run_command(std::move(connection.fd), connection.peer(), settings.command);
    base::log::error("command not run", {{"error", error.message}});
    ::_exit(static_cast<int>(error.code));
}

Result<int> serve_commands(vsockio::Listener& listener, const Settings& settings) {
    const Fd signals = TRY(watch_signals());
    std::size_t running = 0;
    while (true) {
        pollfd ready[2] = {{signals.get(), POLLIN, 0}, {listener.fd(), POLLIN, 0}};
        // A full house leaves further connections in the kernel's queue.
        const nfds_t watched = running < settings.max_connections ? 2 : 1;
        if (::poll(ready, watched, -1) < 0 && errno != EINTR) return Error::system("wait", "");
        if (asked_to_end(signals.get())) return 0;
        while (running > 0 && ::waitpid(-1, nullptr, WNOHANG) > 0)
            --running;
        if (watched < 2 || ready[1].revents == 0) continue;
        Result<std::optional<vsockio::Connection>> accepted = listener.accept();
        if (!accepted.ok()) {
            // Out of descriptors or memory: wait for a child to end, or a moment.
            base::log::warning("cannot accept", {{"error", accepted.error().message}});
            constexpr int kPauseMilliseconds = 100;
            (void)::poll(ready, 1, kPauseMilliseconds);
        } else if (accepted.value().has_value()) {
            TRY(start_command(std::move(*accepted.value()), settings));
            ++running;
        }
    }
}

Result<vsockio::Connection> accept_one(vsockio::Listener& listener) {
    while (true) {
        pollfd ready{listener.fd(), POLLIN, 0};
        if (::poll(&ready, 1, -1) < 0 && errno != EINTR) return Error::system("wait", "");
        std::optional<vsockio::Connection> accepted = TRY(listener.accept());
        if (accepted.has_value()) return std::move(*accepted);
    }
}

}  // namespace

Result<int> serve(const Settings& settings) {
    std::optional<vsockio::Listener> listener;
    listener.emplace(TRY(vsockio::Listener::create(settings.address)));
    if (settings.address.kind == vsockio::Address::Kind::tcp && settings.address.port == 0) {
        base::log::info("listening", {{"address", to_string(listener->bound())}});
    }
    TRY(base::announce_ready(settings.ready_fd));
    if (settings.keep) return serve_commands(*listener, settings);
    vsockio::Connection connection = TRY(accept_one(*listener));
    listener.reset();
    if (!settings.command.empty()) {
        return run_command(std::move(connection.fd), connection.peer(), settings.command);
    }
    return relay_standard_streams(std::move(connection.fd), settings.relay);
}

}  // namespace vcat
