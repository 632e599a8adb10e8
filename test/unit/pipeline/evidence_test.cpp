// The client before servers that lie about what they are: evidence of other connections, a relay,
// damaged documents, another module.
#include <algorithm>

#include "liar.h"

using base::ExitCode;
using pipeline::Connection;
using pipeline::Hello;
using pipeline::test::Bench;
using pipeline::test::Bytes;
using pipeline::test::Liar;
using pipeline::test::refusal_of;
using pipeline::test::says;
using pipeline::test::socket_pair;
using proto::pipeline::Fields;
using proto::pipeline::Kind;
using TlsSide = crypto::Tls::Side;

TEST_CASE("a server that tells the truth is accepted") {
    Bench bench;
    for (int time = 0; time < 3; ++time) {  // at first sight, and as what is known
        auto [near, far] = socket_pair();
        Liar honest(bench.loop, std::move(far), [&](Liar& self, const Hello& hello) {
            self.welcome(bench.document(hello.nonce, self.exporter(), self.own_key()));
        });
        const auto client = bench.connect(std::move(near));
        INFO((client.ok() ? "" : client.error().message));
        REQUIRE(client.ok());
        CHECK(client.value()->accepted().proven);
    }
}

TEST_CASE("evidence of another session is refused") {
    Bench bench;
    Bytes recorded;
    {
        auto [near, far] = socket_pair();
        Liar honest(bench.loop, std::move(far), [&](Liar& self, const Hello& hello) {
            recorded = bench.document(hello.nonce, self.exporter(), self.own_key());
            self.welcome(recorded);
        });
        REQUIRE(bench.connect(std::move(near)).ok());
    }
    const auto error = refusal_of(bench, [&](Liar& self, const Hello&) { self.welcome(recorded); });
    CHECK(error.code == ExitCode::refused);
    CHECK(says(error, "nonce"));
}

TEST_CASE("a relay with a key of its own is refused") {
    Bench bench;
    // The real server, and the relay's connection to it.
    auto [relay_end, real_end] = socket_pair();
    Liar real(bench.loop, std::move(real_end), [&](Liar& self, const Hello& hello) {
        self.welcome(bench.document(hello.nonce, self.exporter(), self.own_key()));
    });
    class Forwarder : public pipeline::ConnectionOwner {
      public:
        void on_secure() override { secure = true; }
        void on_greeting(const Fields& fields) override {
            victim->welcome(pipeline::decode_welcome(fields).value().document);
        }
        void on_open(std::uint16_t, const Fields&) override {}
        void on_lost(const base::Error&) override {}
        Liar* victim = nullptr;
        bool secure = false;
    } forwarder;
    const auto identity = crypto::Identity::generate().value();
    auto tls = crypto::Tls::create(TlsSide::client, identity, std::move(relay_end));
    REQUIRE(tls.ok());
    auto to_real =
        Connection::create(bench.loop, TlsSide::client, std::move(tls).value(), forwarder).value();
    const auto error = refusal_of(bench, [&](Liar& self, const Hello& hello) {
        REQUIRE(forwarder.secure);
        forwarder.victim = &self;
        to_real->greet(Kind::hello, encode(hello));
    });
    CHECK(error.code == ExitCode::refused);
    CHECK(says(error, "user_data"));
}

TEST_CASE("evidence that does not fit nonce, exporter or key is refused") {
    Bench bench;
    struct Case {
        const char* name;
        const char* step;
        std::function<Bytes(Liar&, const Hello&)> document;
    };
    const auto changed = [](Bytes bytes, std::size_t at) {
        bytes[at] ^= std::byte{1};
        return bytes;
    };
    const Case cases[] = {
        {"another nonce", "nonce",
         [&](Liar& self, const Hello& hello) {
             return bench.document(changed(hello.nonce, 31), self.exporter(), self.own_key());
         }},
        {"another exporter", "user_data",
         [&](Liar& self, const Hello& hello) {
             return bench.document(hello.nonce, changed(self.exporter(), 0), self.own_key());
         }},
        {"another key", "user_data",
         [&](Liar& self, const Hello& hello) {
             return bench.document(hello.nonce, self.exporter(),
                                   crypto::Identity::generate().value().public_key().value());
         }},
        {"no user_data", "user_data",
         [&](Liar&, const Hello& hello) {
             nsm::AttestationRequest request;
             request.nonce = hello.nonce;
             return bench.module->attest(request).value();
         }},
        {"no nonce", "nonce",
         [&](Liar& self, const Hello& hello) {
             nsm::AttestationRequest request;
             request.user_data =
                 pipeline::evidence_binding(hello.nonce, self.exporter(), self.own_key()).value();
             return bench.module->attest(request).value();
         }},
        {"a signature of zeros", "signature",
         [&](Liar& self, const Hello& hello) {
             Bytes bytes = bench.document(hello.nonce, self.exporter(), self.own_key());
             std::fill(bytes.end() - 96, bytes.end(), std::byte{0});
             return bytes;
         }},
        {"a changed signature", "signature",
         [&](Liar& self, const Hello& hello) {
             Bytes bytes = bench.document(hello.nonce, self.exporter(), self.own_key());
             return changed(bytes, bytes.size() - 1);
         }},
        {"another byte behind", "",
         [&](Liar& self, const Hello& hello) {
             Bytes bytes = bench.document(hello.nonce, self.exporter(), self.own_key());
             bytes.push_back(std::byte{0});
             return bytes;
         }},
        {"nothing", "", [&](Liar&, const Hello&) { return Bytes(); }},
        {"60,000 zeros", "", [&](Liar&, const Hello&) { return Bytes(60'000); }},
    };
    // Known certificates make no difference to all this.
    for (const bool warm : {false, true}) {
        for (const Case& one : cases) {
            INFO(one.name << (warm ? ", warm" : ""));
            const auto error = refusal_of(bench, [&](Liar& self, const Hello& hello) {
                self.welcome(one.document(self, hello));
            });
            CHECK(error.code == ExitCode::refused);
            CHECK(says(error, one.step));
        }
        auto [near, far] = socket_pair();
        Liar honest(bench.loop, std::move(far), [&](Liar& self, const Hello& hello) {
            self.welcome(bench.document(hello.nonce, self.exporter(), self.own_key()));
        });
        REQUIRE(bench.connect(std::move(near)).ok());
    }
}

TEST_CASE("another module's evidence is refused, and remembered certificates do not help it") {
    Bench bench;
    Bench other;
    const auto answer = [](Bench& from) {
        return [&from](Liar& self, const Hello& hello) {
            self.welcome(from.document(hello.nonce, self.exporter(), self.own_key()));
        };
    };
    other.settings.judge.verified_file = bench.settings.judge.verified_file;
    {
        auto [near, far] = socket_pair();
        Liar honest(other.loop, std::move(far), answer(other));
        REQUIRE(other.connect(std::move(near)).ok());
    }
    const auto error = refusal_of(bench, answer(other));
    CHECK(error.code == ExitCode::refused);
    CHECK(says(error, "root"));
}
