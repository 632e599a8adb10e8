#include "connection.h"

#include <unistd.h>

#include <algorithm>

#include "pair.h"

using namespace pipeline;
using pipeline::test::Listening;
using pipeline::test::Pair;
using proto::pipeline::FieldId;
using proto::pipeline::Fields;
using proto::pipeline::Kind;
using proto::pipeline::Payload;

namespace {

void say(Stream& stream, std::string_view text, std::uint8_t channel = 0) {
    const std::span<std::byte> room = stream.prepare();
    REQUIRE(room.size() >= text.size());
    std::ranges::copy(std::as_bytes(std::span(text)), room.begin());
    stream.commit(channel, text.size());
}

// Raw bytes of a frame, sent past Stream's rules.
std::vector<std::byte> raw_frame(Kind kind, std::uint16_t stream, std::size_t size) {
    std::vector<std::byte> frame(proto::pipeline::kHeaderBytes + size);
    proto::pipeline::put_header(frame, {kind, 0, stream, static_cast<std::uint32_t>(size)});
    return frame;
}

}  // namespace

TEST_CASE("both sides know each other's key and the same exporter") {
    Pair pair;
    std::vector<std::byte> at_client;
    std::vector<std::byte> at_server;
    pair.client->on_begin = [&] {
        at_client = pair.client->connection->tls().exporter("EXPORTER-test").value();
        at_server = pair.server->connection->tls().exporter("EXPORTER-test").value();
        CHECK(pair.client->connection->tls().peer_key().value() !=
              pair.server->connection->tls().peer_key().value());
        CHECK(pair.client->connection->tls().peer_key().value().size() == 44);
        pair.loop.stop();
    };
    pair.run();
    CHECK(at_client.size() == crypto::kExporterBytes);
    CHECK(at_client == at_server);
}

TEST_CASE("a refusal reaches the client with its code and its reason") {
    Pair pair;
    pair.server->refusal = base::Error(base::ExitCode::refused, "the key is not authorised");
    pair.client->after_loss = [&] { pair.loop.stop(); };
    pair.run();
    REQUIRE(pair.client->lost.has_value());
    CHECK(pair.client->lost->code == base::ExitCode::refused);
    CHECK(pair.client->lost->message == "the key is not authorised");
}

TEST_CASE("a stream carries bytes both ways, on two channels, and a status") {
    Pair pair;
    Listening near;
    Listening far;
    pair.server->opened = [&](std::uint16_t id, const Fields& fields) {
        CHECK(fields.number(FieldId::operation) == 7);
        far.stream = pair.server->connection->accept(id, far);
    };
    far.heard_some = [&] {
        if (!far.ended) return;
        say(*far.stream, "out");
        say(*far.stream, "err", 1);
        far.stream->finish(Payload().number(FieldId::code, 3).text(FieldId::text, "done"));
    };
    pair.client->on_begin = [&] {
        near.stream =
            pair.client->connection->open(Payload().number(FieldId::operation, 7), near).value();
        say(*near.stream, "question");
        near.stream->end();
    };
    near.over = [&] { pair.loop.stop(); };
    pair.run();
    CHECK(far.text == "question");
    CHECK(near.text == "out");
    CHECK(near.error_text == "err");
    CHECK(near.code == 3);
    CHECK(near.status_text == "done");
    CHECK(pair.client->connection->streams() == 0);
    CHECK(pair.server->connection->streams() == 0);
}

TEST_CASE("bulk data arrives whole, and a second stream gets its turn") {
    constexpr std::size_t kTotal = std::size_t{64} * 1024 * 1024;
    Pair pair;
    Listening near;
    Listening far;
    Listening small;
    std::vector<std::unique_ptr<Listening>> echoes;
    std::size_t sent = 0;
    std::size_t when_small_answered = 0;
    pair.server->opened = [&](std::uint16_t id, const Fields& fields) {
        if (fields.number(FieldId::operation) == 1) {
            far.stream = pair.server->connection->accept(id, far);
            far.heard_some = [&] { far.text.clear(); };
        } else {
            echoes.push_back(std::make_unique<Listening>());
            echoes.back()->stream = pair.server->connection->accept(id, *echoes.back());
            echoes.back()->stream->finish(Payload().number(FieldId::code, 0));
        }
    };
    near.room = [&] {
        while (sent < kTotal) {
            const std::span<std::byte> room = near.stream->prepare();
            if (room.empty()) return;
            const std::size_t size = std::min(room.size(), kTotal - sent);
            std::ranges::fill(room.first(size), std::byte{7});
            sent += size;
            near.stream->commit(0, size);
        }
        near.stream->end();
        near.room = nullptr;
    };
    pair.client->on_begin = [&] {
        near.stream =
            pair.client->connection->open(Payload().number(FieldId::operation, 1), near).value();
        near.room();
        small.stream =
            pair.client->connection->open(Payload().number(FieldId::operation, 2), small).value();
        small.over = [&] { when_small_answered = far.received_bytes; };
    };
    loop::Timer watch = loop::Timer::create(pair.loop, [&] {
                            if (far.ended) pair.loop.stop();
                        }).value();
    watch.start(std::chrono::milliseconds(1), std::chrono::milliseconds(1));
    pair.run();
    CHECK(far.received_bytes == kTotal);
    CHECK(small.code == 0);
    CHECK(when_small_answered < kTotal / 8);
}

TEST_CASE("a reader that consumes nothing is sent no more than its window") {
    Pair pair;
    Listening near;
    Listening far;
    far.consumes = false;
    pair.server->opened = [&](std::uint16_t id, const Fields&) {
        far.stream = pair.server->connection->accept(id, far);
    };
    near.room = [&] {
        for (std::span<std::byte> room = near.stream->prepare(); !room.empty();
             room = near.stream->prepare()) {
            near.stream->commit(0, room.size());
        }
    };
    pair.client->on_begin = [&] {
        near.stream = pair.client->connection->open({}, near).value();
        near.room();
    };
    loop::Timer later = loop::Timer::create(pair.loop, [&] { pair.loop.stop(); }).value();
    later.start(std::chrono::milliseconds(200));
    pair.run();
    CHECK(far.received_bytes == proto::pipeline::kInitialWindow);
    CHECK_FALSE(pair.server->lost.has_value());
}

TEST_CASE("a peer that overruns its credit, or speaks out of turn, is cut off") {
    struct Case {
        const char* name;
        std::vector<std::byte> bytes;
    };
    std::vector<Case> cases;
    cases.push_back({"data on no stream", raw_frame(Kind::data, 9, 5)});
    cases.push_back({"a stream with the other side's number", raw_frame(Kind::open, 2, 0)});
    cases.push_back({"a second hello", raw_frame(Kind::hello, 0, 0)});
    cases.push_back({"a welcome from the client", raw_frame(Kind::welcome, 0, 0)});
    cases.push_back({"a ping that is too long", raw_frame(Kind::ping, 0, 65)});
    for (const Kind kind : {Kind::status, Kind::opened}) {
        std::vector<std::byte> answer = raw_frame(Kind::open, 1, 0);
        const auto frame = raw_frame(kind, 1, 0);
        answer.insert(answer.end(), frame.begin(), frame.end());
        cases.push_back({"an answer to its own question", answer});
    }
    std::vector<std::byte> overrun = raw_frame(Kind::open, 1, 0);
    for (int count = 0; count < 5; ++count) {
        const auto frame = raw_frame(Kind::data, 1, proto::pipeline::kMaximumPayload);
        overrun.insert(overrun.end(), frame.begin(), frame.end());
    }
    cases.push_back({"more data than credit", overrun});
    std::vector<std::byte> huge = raw_frame(Kind::data, 1, 1);
    huge[4] = std::byte{0xFF};
    cases.push_back({"a lying length", huge});
    std::vector<std::byte> generous = raw_frame(Kind::open, 1, 0);
    for (int count = 0; count < 2; ++count) {
        auto frame = raw_frame(Kind::window, 1, 4);
        frame[8] = std::byte{1};
        generous.insert(generous.end(), frame.begin(), frame.end());
    }
    cases.push_back({"more credit than there can be", generous});

    for (const Case& one : cases) {
        INFO(one.name);
        Pair pair;
        Listening far;
        far.consumes = false;
        pair.server->opened = [&](std::uint16_t id, const Fields&) {
            far.stream = pair.server->connection->accept(id, far);
        };
        pair.client->on_begin = [&] {
            REQUIRE(pair.client->connection->tls().write(one.bytes).ok());
            pair.client->connection->ping([](std::chrono::nanoseconds) {});
        };
        pair.server->after_loss = [&] { pair.loop.stop(); };
        pair.run();
        REQUIRE(pair.server->lost.has_value());
        CHECK(pair.server->lost->code == base::ExitCode::protocol);
    }
}

TEST_CASE("a peer that never greets is given up") {
    ConnectionLimits limits;
    limits.greeting = std::chrono::milliseconds(50);
    Pair pair(limits);
    pair.client->greets = false;
    pair.server->after_loss = [&] { pair.loop.stop(); };
    pair.run();
    REQUIRE(pair.server->lost.has_value());
    CHECK(pair.server->lost->code == base::ExitCode::unavailable);
}

TEST_CASE("bytes that are no TLS end the handshake with an error") {
    loop::Loop loop = loop::Loop::create().value();
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    base::Fd peer(ends[0]);
    test::Side server(loop, crypto::Tls::Side::server, base::Fd(ends[1]));
    server.after_loss = [&] { loop.stop(); };
    REQUIRE(write(peer.get(), "GET / HTTP/1.0\r\n\r\n", 18) == 18);
    loop.run();
    REQUIRE(server.lost.has_value());
    CHECK(server.lost->code == base::ExitCode::protocol);
}

TEST_CASE("a connection cut in the middle is told from one that was ended") {
    for (const bool in_order : {true, false}) {
        Pair pair;
        Listening near;
        Listening far;
        pair.server->opened = [&](std::uint16_t id, const Fields&) {
            far.stream = pair.server->connection->accept(id, far);
            if (in_order) {
                pair.client->connection->close();
            } else {
                shutdown(pair.client->connection->tls().fd(), SHUT_RDWR);
            }
        };
        pair.client->on_begin = [&] {
            near.stream = pair.client->connection->open({}, near).value();
        };
        pair.server->after_loss = [&] { pair.loop.stop(); };
        pair.run();
        REQUIRE(pair.server->lost.has_value());
        CHECK((pair.server->lost->code == base::ExitCode::done) == in_order);
        CHECK(far.lost.has_value());
    }
}

TEST_CASE("a stream that is destroyed early is reset at the other side") {
    Pair pair;
    Listening near;
    Listening far;
    pair.server->opened = [&](std::uint16_t id, const Fields&) {
        far.stream = pair.server->connection->accept(id, far);
        near.stream.reset();
    };
    pair.client->on_begin = [&] { near.stream = pair.client->connection->open({}, near).value(); };
    far.over = [&] { pair.loop.stop(); };
    pair.run();
    CHECK(far.lost.has_value());
}

TEST_CASE("a ping comes back") {
    Pair pair;
    std::chrono::nanoseconds took{};
    pair.client->on_begin = [&] {
        pair.client->connection->ping([&](std::chrono::nanoseconds time) {
            took = time;
            pair.loop.stop();
        });
    };
    pair.run();
    CHECK(took.count() > 0);
}
