// TLS between two ends with a hand in the middle that holds bytes back.
#include "crypto/tls.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

using crypto::Tls;
using Bytes = std::vector<std::byte>;

namespace {

struct Pair {
    base::Fd ours;
    base::Fd theirs;
};

Pair socket_pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    return {base::Fd(ends[0]), base::Fd(ends[1])};
}

Bytes take(const base::Fd& from) {
    Bytes bytes(65536);
    const ssize_t count = ::read(from.get(), bytes.data(), bytes.size());
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return bytes;
}

void give(const base::Fd& to, std::span<const std::byte> bytes) {
    REQUIRE(::write(to.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
}

// A client and a server whose sockets end in this test.
class Middle {
  public:
    Middle()
        : client(Tls::create(Tls::Side::client, client_key_, std::move(to_client_.theirs)).value()),
          server(
              Tls::create(Tls::Side::server, server_key_, std::move(to_server_.theirs)).value()) {}

    void shake_hands() {
        bool client_done = false;
        bool server_done = false;
        for (int turn = 0; turn < 10 && !(client_done && server_done); ++turn) {
            if (!client_done) client_done = advance(client);
            pass_to_server(from_client());
            if (!server_done) server_done = advance(server);
            give(to_client_.ours, take(to_server_.ours));
        }
        REQUIRE(client_done);
        REQUIRE(server_done);
    }
    Bytes from_client() {
        REQUIRE(client.flush().ok());
        return take(to_client_.ours);
    }
    void pass_to_server(std::span<const std::byte> bytes) { give(to_server_.ours, bytes); }
    void cut_off() { to_server_.ours.reset(); }

  private:
    static bool advance(Tls& side) {
        const auto progress = side.handshake();
        REQUIRE(progress.ok());
        REQUIRE(side.flush().ok());
        return progress.value() == Tls::Progress::done;
    }

    Pair to_client_ = socket_pair();
    Pair to_server_ = socket_pair();
    crypto::Identity client_key_ = crypto::Identity::generate().value();
    crypto::Identity server_key_ = crypto::Identity::generate().value();

  public:
    Tls client;
    Tls server;
};

}  // namespace

TEST_CASE("both ends compute the same secret, and another one for another label") {
    Middle middle;
    middle.shake_hands();
    const Bytes secret = middle.client.exporter("EXPORTER-a").value();
    CHECK(secret.size() == crypto::kExporterBytes);
    CHECK(middle.server.exporter("EXPORTER-a").value() == secret);
    CHECK(middle.server.exporter("EXPORTER-b").value() != secret);
}

TEST_CASE("half a record is no input, so that nobody turns in a circle until the rest is there") {
    Middle middle;
    middle.shake_hands();
    const Bytes text(10'000, std::byte{7});
    REQUIRE(middle.client.write(text).ok());
    const Bytes record = middle.from_client();
    const std::span<const std::byte> sent = record;
    Bytes buffer(16'384);
    for (const std::size_t part : {std::size_t{3}, std::size_t{5'000}}) {
        middle.pass_to_server(sent.subspan(part == 3 ? 0 : 3, part));
        const auto got = middle.server.read(buffer);
        REQUIRE(got.ok());
        CHECK_FALSE(got.value().has_value());
        CHECK_FALSE(middle.server.has_input());
    }
    middle.pass_to_server(sent.subspan(5'003));
    CHECK(middle.server.read(buffer).value() == text.size());
}

TEST_CASE("records that came with another are input that no descriptor tells of") {
    Middle middle;
    middle.shake_hands();
    REQUIRE(middle.client.write(Bytes(16'384, std::byte{1})).ok());
    REQUIRE(middle.client.write(Bytes(5, std::byte{2})).ok());
    middle.pass_to_server(middle.from_client());
    Bytes buffer(16'384);
    CHECK(middle.server.read(buffer).value() == 16'384U);
    CHECK(middle.server.has_input());
    CHECK(middle.server.read(buffer).value() == 5U);
    CHECK_FALSE(middle.server.read(buffer).value().has_value());
    CHECK_FALSE(middle.server.has_input());
}

TEST_CASE("an end that was said is told from one that was cut off") {
    Middle middle;
    middle.shake_hands();
    Bytes buffer(100);
    SECTION("said") {
        middle.client.end();
        middle.pass_to_server(middle.from_client());
        CHECK(middle.server.read(buffer).value() == 0U);
    }
    SECTION("cut off") {
        middle.cut_off();
        const auto got = middle.server.read(buffer);
        REQUIRE_FALSE(got.ok());
        CHECK(got.error().code == base::ExitCode::unavailable);
    }
    SECTION("changed on the way") {
        REQUIRE(middle.client.write(Bytes(50)).ok());
        Bytes record = middle.from_client();
        record.back() ^= std::byte{1};
        middle.pass_to_server(record);
        const auto got = middle.server.read(buffer);
        REQUIRE_FALSE(got.ok());
        CHECK(got.error().code == base::ExitCode::protocol);
    }
}
