// A relay in a thread of its own between socket pairs, and what is sent through it.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <csignal>
#include <string>
#include <string_view>
#include <thread>

#include "vsockio/dial.h"
#include "vsockio/listen.h"
#include "vsockio/relay.h"

namespace relay_test {

using base::Fd;
using vsockio::Relay;
using vsockio::RelayEnd;
using vsockio::RelayOptions;
using vsockio::RelayReason;
using vsockio::RelayReport;

struct SocketPair {
    Fd near;  // blocking: the test's own end
    Fd far;   // non-blocking: the relay's end
};

inline SocketPair make_pair(bool tcp) {
    if (!tcp) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        REQUIRE(base::set_nonblocking(ends[1], true).ok());
        return {Fd(ends[0]), Fd(ends[1])};
    }
    auto listener = vsockio::Listener::create(vsockio::parse_address("tcp:127.0.0.1:0").value());
    auto near = vsockio::dial(listener.value().bound());
    pollfd ready{listener.value().fd(), POLLIN, 0};
    REQUIRE(::poll(&ready, 1, 5000) == 1);
    auto far = listener.value().accept();
    REQUIRE(base::set_nonblocking(near.value().get(), false).ok());
    return {std::move(near).value(), std::move(far.value()->fd)};
}

// Runs a relay between two pairs in a thread of its own.
class Running {
  public:
    Running(RelayEnd first, RelayEnd second, RelayOptions options = {})
        : thread_([this, first = std::move(first), second = std::move(second), options]() mutable {
              ::signal(SIGPIPE, SIG_IGN);  // as tool_main does
              auto loop = loop::Loop::create();
              std::unique_ptr<Relay> relay;
              auto made = Relay::create(loop.value(), std::move(first), std::move(second), options,
                                        [&](const RelayReport& report) {
                                            report_ = report;
                                            relay.reset();
                                        });
              if (!made.ok()) return;
              relay = std::move(made).value();
              loop.value().run();
          }) {}
    ~Running() {
        if (thread_.joinable()) thread_.join();
    }
    RelayReport report() {
        thread_.join();
        return report_;
    }

  private:
    RelayReport report_;
    std::thread thread_;
};

inline std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    std::uint32_t state = 1;
    for (char& letter : text) {
        state = state * 1664525 + 1013904223;
        letter = static_cast<char>(state >> 24);
    }
    return text;
}

inline void send_all(int fd, std::string_view data, std::size_t piece = 1 << 20) {
    while (!data.empty()) {
        const ssize_t sent = ::send(fd, data.data(), std::min(piece, data.size()), MSG_NOSIGNAL);
        if (sent <= 0) return;
        data.remove_prefix(static_cast<std::size_t>(sent));
    }
}

inline std::string receive_all(int fd) {
    std::string text;
    char buffer[65536];
    while (true) {
        const ssize_t count = ::read(fd, buffer, sizeof buffer);
        if (count <= 0) return text;
        text.append(buffer, static_cast<std::size_t>(count));
    }
}

}  // namespace relay_test
