// Two connections joined by a socket pair, in one loop, for tests.
#pragma once

#include <sys/socket.h>

#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connection.h"

namespace pipeline::test {

// An owner that notes what happens; `opened` makes the user of a stream that the peer opens.
class Side : public ConnectionOwner {
  public:
    Side(loop::Loop& loop, crypto::Tls::Side side, base::Fd socket, ConnectionLimits limits = {})
        : side_(side) {
        identity_.emplace(crypto::Identity::generate().value());
        auto tls = crypto::Tls::create(side, *identity_, std::move(socket));
        REQUIRE(tls.ok());
        auto made = Connection::create(loop, side, std::move(tls).value(), *this, limits);
        REQUIRE(made.ok());
        connection = std::move(made).value();
    }

    void on_secure() override {
        secure = true;
        if (on_secured) on_secured();
        if (side_ == crypto::Tls::Side::client && greets) {
            connection->greet(proto::pipeline::Kind::hello, {});
        }
    }
    void on_greeting(const proto::pipeline::Fields&) override {
        greeted = true;
        if (refusal.has_value()) return connection->refuse(*refusal);
        if (side_ == crypto::Tls::Side::server) {
            connection->greet(proto::pipeline::Kind::welcome, {});
        }
        connection->begin();
        if (on_begin) on_begin();
    }
    void on_open(std::uint16_t id, const proto::pipeline::Fields& fields) override {
        if (opened) {
            opened(id, fields);
        } else {
            connection->refuse_stream(id, base::Error(base::ExitCode::refused, "not here"));
        }
    }
    void on_lost(const base::Error& error) override {
        lost = error;
        connection.reset();
        if (after_loss) after_loss();
    }

    std::unique_ptr<Connection> connection;
    bool greets = true;
    std::string fingerprint() const {
        return crypto::fingerprint(identity_->public_key().value()).value();
    }

    bool secure = false;
    bool greeted = false;
    std::optional<base::Error> refusal;
    std::optional<base::Error> lost;
    std::function<void()> on_secured;
    std::function<void()> on_begin;
    std::function<void()> after_loss;
    std::function<void(std::uint16_t, const proto::pipeline::Fields&)> opened;

  private:
    crypto::Tls::Side side_;
    std::optional<crypto::Identity> identity_;
};

// A user that keeps what it hears.
class Listening : public StreamUser {
  public:
    void on_data(std::uint8_t channel, std::span<const std::byte> bytes) override {
        auto& heard = channel == 0 ? text : error_text;
        heard.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        received_bytes += bytes.size();
        if (consumes && stream != nullptr) stream->consumed(bytes.size());
        if (heard_some) heard_some();
    }
    void on_end(std::uint8_t) override {
        ended = true;
        if (heard_some) heard_some();
    }
    void on_status(const proto::pipeline::Fields& fields) override {
        code = fields.number(proto::pipeline::FieldId::code).value_or(0);
        status_text = fields.text(proto::pipeline::FieldId::text).value_or("");
        if (over) over();
    }
    void on_room() override {
        if (room) room();
    }
    void on_lost(const base::Error& error) override {
        lost = error;
        if (over) over();
    }

    std::unique_ptr<Stream> stream;
    bool consumes = true;
    std::string text;
    std::string error_text;
    std::size_t received_bytes = 0;
    bool ended = false;
    std::optional<std::uint64_t> code;
    std::string status_text;
    std::optional<base::Error> lost;
    std::function<void()> heard_some;
    std::function<void()> over;
    std::function<void()> room;
};

// A loop, both sides, and an end to every wait.
class Pair {
  public:
    explicit Pair(ConnectionLimits limits = {}) : loop(loop::Loop::create().value()) {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
        client.emplace(loop, crypto::Tls::Side::client, base::Fd(ends[0]), limits);
        server.emplace(loop, crypto::Tls::Side::server, base::Fd(ends[1]), limits);
        guard.emplace(loop::Timer::create(loop, [this] {
                          timed_out = true;
                          loop.stop();
                      }).value());
    }

    // Runs until stop() of the loop; a test that hangs fails.
    void run() {
        guard->start(std::chrono::seconds(20));
        loop.run();
        CHECK_FALSE(timed_out);
    }

    loop::Loop loop;
    std::optional<Side> client;
    std::optional<Side> server;
    std::optional<loop::Timer> guard;
    bool timed_out = false;
};

}  // namespace pipeline::test
