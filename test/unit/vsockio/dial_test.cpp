// Connecting and listening, over the families every machine has.
#include "vsockio/dial.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "base/text.h"
#include "support.h"
#include "vsockio/listen.h"

using namespace std::chrono_literals;
using base::Fd;
using vsockio::Address;
using vsockio::dial;
using vsockio::Listener;
using vsockio::parse_address;
using vsockio_test::TemporaryFolder;

namespace {

Fd accept_one(Listener& listener) {
    pollfd ready{listener.fd(), POLLIN, 0};
    ::poll(&ready, 1, 5000);
    auto accepted = listener.accept();
    REQUIRE(accepted.ok());
    REQUIRE(accepted.value().has_value());
    return std::move(accepted.value()->fd);
}

std::string receive(int fd, std::size_t size) {
    std::string text(size, '\0');
    std::size_t filled = 0;
    while (filled < size) {
        pollfd ready{fd, POLLIN, 0};
        if (::poll(&ready, 1, 5000) <= 0) break;
        const ssize_t count = ::recv(fd, text.data() + filled, size - filled, 0);
        if (count <= 0) break;
        filled += static_cast<std::size_t>(count);
    }
    text.resize(filled);
    return text;
}

// What stands at the other end of a muxed: address: hears one line, answers as told.
std::thread muxer(Listener& listener, std::string answer, std::string* heard) {
    return std::thread([&listener, answer = std::move(answer), heard] {
        pollfd ready{listener.fd(), POLLIN, 0};
        ::poll(&ready, 1, 5000);
        auto accepted = listener.accept();
        if (!accepted.ok() || !accepted.value().has_value()) return;
        const Fd fd = std::move(accepted.value()->fd);
        *heard = receive(fd.get(), std::strlen("CONNECT 9000\n"));
        for (const char letter : answer) {  // a byte at a time, as a slow peer would
            ::send(fd.get(), &letter, 1, MSG_NOSIGNAL);
            std::this_thread::sleep_for(1ms);
        }
    });
}

}  // namespace

TEST_CASE("a dialled connection carries bytes over tcp and unix sockets") {
    const TemporaryFolder folder;
    for (const std::string& text :
         {std::string("tcp:127.0.0.1:0"), std::string("tcp:[::1]:0"), "unix:" + folder.file("s"),
          std::string("unix:@ebx-dial-test")}) {
        INFO(text);
        auto listener = Listener::create(parse_address(text).value());
        REQUIRE(listener.ok());
        auto connected = dial(listener.value().bound());
        REQUIRE(connected.ok());
        const Fd accepted = accept_one(listener.value());
        REQUIRE(::send(connected.value().get(), "hello", 5, 0) == 5);
        CHECK(receive(accepted.get(), 5) == "hello");
    }
}

TEST_CASE("accepted TCP connections send at once, those of inherited listeners too") {
    Fd inherited(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::listen(inherited.get(), 1) == 0);
    const std::string by_number = "fd:" + std::to_string(inherited.release());
    for (const std::string& text : {std::string("tcp:127.0.0.1:0"), by_number}) {
        auto listener = Listener::create(parse_address(text).value());
        REQUIRE(listener.ok());
        sockaddr_in native{};
        socklen_t size = sizeof native;
        REQUIRE(::getsockname(listener.value().fd(), reinterpret_cast<sockaddr*>(&native), &size) ==
                0);
        const auto client =
            dial(parse_address("tcp:127.0.0.1:" + std::to_string(ntohs(native.sin_port))).value());
        REQUIRE(client.ok());
        auto accepted = listener.value().accept();
        REQUIRE(accepted.ok());
        REQUIRE(accepted.value().has_value());
        CHECK(accepted.value()->tcp());
        CHECK(accepted.value()->peer().starts_with("tcp:127.0.0.1:"));
        int on = 0;
        size = sizeof on;
        REQUIRE(::getsockopt(accepted.value()->fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, &size) ==
                0);
        CHECK(on != 0);
    }
}

TEST_CASE("a handshake that is acknowledged late ends with the first bytes") {
    auto listener = Listener::create(parse_address("tcp:127.0.0.1:0").value());
    REQUIRE(listener.ok());
    const auto targets = vsockio::resolve(listener.value().bound());
    REQUIRE(targets.ok());
    int late = 0;
    // A machine that stands still for 40 ms between two calls lets the handshake end by itself.
    for (int count = 0; count < 20; ++count) {
        auto begun = vsockio::begin_to_connect(targets.value().front(), "the listener", {}, true);
        REQUIRE(begun.ok());
        pollfd connected{begun.value().get(), POLLOUT, 0};
        REQUIRE(::poll(&connected, 1, 5000) == 1);
        pollfd waiting{listener.value().fd(), POLLIN, 0};
        if (::poll(&waiting, 1, 0) == 0) ++late;
        if (count % 2 == 0) REQUIRE(::send(begun.value().get(), "x", 1, MSG_NOSIGNAL) == 1);
        vsockio::acknowledge_at_once(begun.value().get());
        const Fd accepted = accept_one(listener.value());
        pollfd readable{accepted.get(), POLLIN, 0};
        CHECK(::poll(&readable, 1, count % 2 == 0 ? 5000 : 0) == (count % 2 == 0 ? 1 : 0));
    }
    CHECK(late > 2);
}

TEST_CASE("a missing peer is an error after the time given, not before and not never") {
    const TemporaryFolder folder;
    const Address address = parse_address("unix:" + folder.file("nobody")).value();
    const auto start = std::chrono::steady_clock::now();
    const auto connected = dial(address, 200ms);
    const auto waited = std::chrono::steady_clock::now() - start;
    REQUIRE_FALSE(connected.ok());
    CHECK(waited >= 150ms);
    CHECK(waited < 5s);
    CHECK(dial(address, 0ms).error().errno_value == ENOENT);
}

TEST_CASE("a peer that comes up late is reached") {
    const TemporaryFolder folder;
    const Address address = parse_address("unix:" + folder.file("late")).value();
    std::optional<base::Result<Listener>> listener;
    std::thread starter([&] {
        std::this_thread::sleep_for(100ms);
        listener.emplace(Listener::create(address));
    });
    const auto connected = dial(address, 5s);
    starter.join();
    CHECK(connected.ok());
}

TEST_CASE("a muxed address asks for its port and leaves the bytes behind the answer unread") {
    const TemporaryFolder folder;
    const std::string path = folder.file("mux");
    auto listener = Listener::create(parse_address("unix:" + path).value());
    REQUIRE(listener.ok());
    std::string heard;
    std::thread server = muxer(listener.value(), "OK 1073741824\ndata", &heard);
    const auto connected = dial(parse_address("muxed:" + path + ":9000").value(), 0ms);
    server.join();
    REQUIRE(connected.ok());
    CHECK(heard == "CONNECT 9000\n");
    CHECK(receive(connected.value().get(), 4) == "data");
}

TEST_CASE("a muxed peer that answers anything else is refused") {
    const TemporaryFolder folder;
    const std::string path = folder.file("mux");
    for (const std::string answer : {"NO\n", "\n", "OK", "", "OKAY 1\n"}) {
        INFO(answer);
        auto listener = Listener::create(parse_address("unix:" + path).value());
        REQUIRE(listener.ok());
        std::string heard;
        std::thread server = muxer(listener.value(), answer, &heard);
        const auto connected = dial(parse_address("muxed:" + path + ":9000").value(), 0ms);
        server.join();
        CHECK_FALSE(connected.ok());
    }
    auto listener = Listener::create(parse_address("unix:" + path).value());
    std::string heard;
    std::thread server = muxer(listener.value(), "OK " + std::string(100, '1'), &heard);
    const auto connected = dial(parse_address("muxed:" + path + ":9000").value(), 0ms);
    server.join();
    REQUIRE_FALSE(connected.ok());
    CHECK(connected.error().code == base::ExitCode::protocol);
}

TEST_CASE("a socket file of a dead server is replaced, that of a live one is not") {
    const TemporaryFolder folder;
    const Address address = parse_address("unix:" + folder.file("s")).value();
    {
        const Fd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
        const auto target = resolve(address).value().front();
        REQUIRE(::bind(dead.get(), reinterpret_cast<const sockaddr*>(target.bytes),
                       target.length) == 0);
    }
    auto listener = Listener::create(address);
    REQUIRE(listener.ok());
    const auto second = Listener::create(address);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().errno_value == EADDRINUSE);

    const auto mode = std::filesystem::status(folder.file("s")).permissions();
    CHECK((mode & std::filesystem::perms::all) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("a plain file is never taken for a stale socket") {
    const TemporaryFolder folder;
    std::ofstream(folder.file("precious")) << "data";
    const auto listener =
        Listener::create(parse_address("unix:" + folder.file("precious")).value());
    CHECK_FALSE(listener.ok());
    CHECK(std::filesystem::file_size(folder.file("precious")) == 4);
}

TEST_CASE("a listener's socket file goes away with it") {
    const TemporaryFolder folder;
    {
        auto listener = Listener::create(parse_address("unix:" + folder.file("s")).value());
        REQUIRE(listener.ok());
        CHECK(std::filesystem::exists(folder.file("s")));
    }
    CHECK_FALSE(std::filesystem::exists(folder.file("s")));
}

TEST_CASE("the environment sends vsock addresses through vsockd's folder") {
    const TemporaryFolder folder;
    ::setenv("ENCLAVEBOX_VSOCK_DIR", folder.path().c_str(), 1);
    auto listener = Listener::create(parse_address("vsock:3:7000").value());
    ::unsetenv("ENCLAVEBOX_VSOCK_DIR");
    REQUIRE(listener.ok());
    CHECK(to_string(listener.value().bound()) == "unix:" + folder.file("parent_7000"));
}

TEST_CASE("an inherited descriptor must be what is asked of it") {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK_FALSE(Listener::create(parse_address("fd:" + std::to_string(pair[0])).value()).ok());
    auto connected = dial(parse_address("fd:" + std::to_string(pair[1])).value());
    CHECK(connected.ok());
    CHECK_FALSE(dial(parse_address("fd:1000").value()).ok());
    ::close(pair[0]);
}
