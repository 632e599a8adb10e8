// A module with measurements, a client's files, and servers that greet as a test says.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "client.h"
#include "folder.h"
#include "nsm/open.h"

namespace pipeline::test {

using Bytes = std::vector<std::byte>;

inline std::pair<base::Fd, base::Fd> socket_pair(int type = SOCK_STREAM) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    return {base::Fd(ends[0]), base::Fd(ends[1])};
}

// A module with measurements that are not zero, and the client's files.
struct Bench {
    ::test::Folder folder;
    std::unique_ptr<nsm::Module> module;
    ClientSettings settings;
    loop::Loop loop = loop::Loop::create().value();

    Bench() {
        const std::string digits(96, 'a');
        const std::string text =
            fmt::format(R"({{"Measurements":{{"PCR0":"{0}","PCR1":"{0}","PCR2":"{0}"}}}})", digits);
        base::Fd file(
            ::open((folder / "pcrs").c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        REQUIRE(base::write_all(file.get(), base::as_bytes(text), "pcrs").ok());
        module = nsm::open_module("emulator:" + (folder / "module") +
                                  ",measurements=" + (folder / "pcrs"))
                     .value();
        const auto identity = crypto::Identity::generate().value();
        base::Fd key(
            ::open((folder / "key").c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        REQUIRE(base::write_all(key.get(), base::as_bytes(identity.to_pem().value()), "key").ok());
        settings.key_file = folder / "key";
        settings.judge.root_file = folder / "module/root.pem";
        settings.judge.known_file = folder / "known";
        settings.judge.verified_file = folder / "verified";
        settings.connect_timeout = std::chrono::seconds(5);
    }

    // How the client gets on with whoever has the other end.
    base::Result<std::unique_ptr<Client>> connect(base::Fd socket) {
        settings.address.kind = vsockio::Address::Kind::fd;
        settings.address.fd = socket.release();
        settings.judge.address = settings.address;
        return Client::connect(loop, settings);
    }

    Bytes document(const Bytes& nonce, const Bytes& exporter, const Bytes& key) {
        nsm::AttestationRequest request;
        request.nonce = nonce;
        request.user_data = evidence_binding(nonce, exporter, key).value();
        return module->attest(request).value();
    }
};

// A server that greets as the test says.
class Liar : public ConnectionOwner {
  public:
    using Answer = std::function<void(Liar&, const Hello&)>;

    Liar(loop::Loop& loop, base::Fd socket, Answer answer) : answer_(std::move(answer)) {
        auto tls = crypto::Tls::create(crypto::Tls::Side::server, identity, std::move(socket));
        REQUIRE(tls.ok());
        connection =
            Connection::create(loop, crypto::Tls::Side::server, std::move(tls).value(), *this)
                .value();
    }
    void on_secure() override {
        if (early) early(*this);
    }
    void on_greeting(const proto::pipeline::Fields& fields) override {
        answer_(*this, decode_hello(fields).value());
    }
    void on_open(std::uint16_t id, const proto::pipeline::Fields&) override {
        ++opened;
        connection->refuse_stream(id, base::Error(base::ExitCode::refused, "not here"));
    }
    void on_lost(const base::Error& error) override { lost = error; }

    void welcome(const Bytes& document) {
        connection->greet(proto::pipeline::Kind::welcome, encode(Welcome{document, {}}));
    }
    Bytes exporter() { return connection->tls().exporter(kExporterLabel).value(); }
    Bytes own_key() { return identity.public_key().value(); }
    void send(proto::pipeline::Kind kind, std::uint16_t stream, std::size_t size) {
        Bytes frame(proto::pipeline::kHeaderBytes + size);
        proto::pipeline::put_header(frame, {kind, 0, stream, static_cast<std::uint32_t>(size)});
        REQUIRE(connection->tls().write(frame).ok());
    }

    crypto::Identity identity = crypto::Identity::generate().value();
    std::unique_ptr<Connection> connection;
    std::function<void(Liar&)> early;
    int opened = 0;
    std::optional<base::Error> lost;

  private:
    Answer answer_;
};

// What the client makes of a server that answers so.
inline base::Error refusal_of(Bench& bench, const Liar::Answer& answer,
                              const std::function<void(Liar&)>& early = nullptr) {
    auto [near, far] = socket_pair();
    Liar liar(bench.loop, std::move(far), answer);
    liar.early = early;
    auto client = bench.connect(std::move(near));
    CHECK(liar.opened == 0);
    REQUIRE_FALSE(client.ok());
    return client.error();
}

inline bool says(const base::Error& error, std::string_view text) {
    return error.message.find(text) != std::string::npos;
}

}  // namespace pipeline::test
