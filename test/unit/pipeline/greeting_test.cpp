// Greetings out of turn and of other versions, on both sides, and what is said before anybody is
// believed.
#include "admission.h"
#include "liar.h"
#include "pair.h"
#include "session.h"

using base::ExitCode;
using pipeline::Hello;
using pipeline::test::Bench;
using pipeline::test::Bytes;
using pipeline::test::Liar;
using pipeline::test::refusal_of;
using pipeline::test::says;
using pipeline::test::Side;
using pipeline::test::socket_pair;
using proto::pipeline::FieldId;
using proto::pipeline::Kind;
using proto::pipeline::Payload;
using TlsSide = crypto::Tls::Side;

TEST_CASE("a server that greets out of turn breaks the protocol") {
    Bench bench;
    const auto honest = [&](Liar& self, const Hello& hello) {
        self.welcome(bench.document(hello.nonce, self.exporter(), self.own_key()));
    };
    const auto broken = [&](const char* name, const Liar::Answer& answer,
                            const std::function<void(Liar&)>& early = nullptr) {
        INFO(name);
        CHECK(refusal_of(bench, answer, early).code == ExitCode::protocol);
    };
    broken("two welcomes at once", [&](Liar& self, const Hello& hello) {
        const Bytes document = bench.document(hello.nonce, self.exporter(), self.own_key());
        REQUIRE(self.connection->tls().write({}).ok());
        self.welcome(document);
        self.welcome(document);
    });
    broken("a hello", [](Liar& self, const Hello& hello) {
        self.connection->greet(Kind::hello, encode(hello));
    });
    for (const Kind kind : {Kind::open, Kind::data, Kind::end, Kind::status, Kind::reset}) {
        broken("a stream before the greeting", honest, [kind](Liar& self) {
            self.send(kind, 2, kind == Kind::data ? 1 : 0);
            self.connection->greet(Kind::pong, {});
        });
    }
    broken("a ping before the greeting", honest, [](Liar& self) {
        self.send(Kind::ping, 0, 8);
        self.connection->greet(Kind::pong, {});
    });
    broken("versions that do not meet", [](Liar& self, const Hello&) {
        Payload fields;
        fields.number(FieldId::minimum_version, 7).number(FieldId::current_version, 9);
        self.connection->greet(Kind::welcome, fields);
    });
    broken("no versions",
           [](Liar& self, const Hello&) { self.connection->greet(Kind::welcome, Payload()); });
    broken("no document", [](Liar& self, const Hello&) {
        Payload fields;
        fields.number(FieldId::minimum_version, 1).number(FieldId::current_version, 1);
        self.connection->greet(Kind::welcome, fields);
    });
}

TEST_CASE("what a server says before it is believed cannot steer a terminal") {
    Bench bench;
    const auto error = refusal_of(bench, [](Liar& self, const Hello&) {
        self.connection->refuse(
            base::Error(ExitCode::refused, "\x1b]0;owned\x07 a 'name' \xff\n two"));
    });
    CHECK(error.code == ExitCode::refused);
    CHECK(error.message.find_first_of("\x1b\x07\n\xff") == std::string::npos);
    CHECK(says(error, "a 'name'"));
}

TEST_CASE("a server that closes is never an orderly end of a client's work") {
    Bench bench;
    auto [near, far] = socket_pair();
    Liar honest(bench.loop, std::move(far), [&](Liar& self, const Hello& hello) {
        self.welcome(bench.document(hello.nonce, self.exporter(), self.own_key()));
        self.connection->close();
    });
    const auto client = bench.connect(std::move(near));
    const auto ended = client.ok() ? client.value()->run() : base::Result<void>(client.error());
    REQUIRE_FALSE(ended.ok());
    CHECK(ended.error().code == ExitCode::unavailable);
}

TEST_CASE("a client of another version is answered, and the module is not asked") {
    loop::Loop loop = loop::Loop::create().value();
    auto [near, far] = socket_pair();
    auto [listener, to_listener] = socket_pair(SOCK_SEQPACKET);
    Side client(loop, TlsSide::client, std::move(near));
    client.greets = false;
    pipeline::ServeSettings settings;
    pipeline::AuthorizedKey key;
    key.fingerprint = client.fingerprint();
    settings.keys.push_back(key);
    settings.module = "/nonexistent/module";
    settings.greeting_limit = std::chrono::seconds(5);
    const auto identity = crypto::Identity::generate().value();
    pipeline::Session session(loop,
                              {settings, identity, std::move(far), std::move(to_listener), "unix"});
    loop::Timer later = loop::Timer::create(loop, [&] {
                            Payload fields;
                            fields.number(FieldId::minimum_version, 8)
                                .number(FieldId::current_version, 9)
                                .bytes(FieldId::nonce, Bytes(32));
                            if (client.secure) client.connection->greet(Kind::hello, fields);
                        }).value();
    client.on_secured = [&] { later.start(std::chrono::milliseconds(1)); };
    REQUIRE(session.run().ok());
    while (!client.lost.has_value()) {
        client.after_loss = [&] { loop.stop(); };
        loop.run();
    }
    CHECK(client.lost->code == ExitCode::protocol);
    CHECK(client.lost->message.find("versions 8 to 9") != std::string::npos);
    // Nobody has asked for admission; the refusal is in the audit log.
    std::byte said[8];
    REQUIRE(::recv(listener.get(), said, sizeof said, MSG_DONTWAIT) > 0);
    CHECK(said[0] == pipeline::kOperationEnded);
    CHECK(::recv(listener.get(), said, sizeof said, MSG_DONTWAIT) < 0);
}
