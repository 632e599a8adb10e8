// Frames of pipeline's channel: decoding is total, what decodes is written anew as it was, and what
// is read out of its fields keeps to its limits. Then the same bytes as a peer's on a connection
// that is open, over TLS: it goes on or is lost, with a stream in whatever state that brings.
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>

#include "connection.h"
#include "greeting.h"
#include "request.h"
#include "status.h"

namespace wire = proto::pipeline;
using crypto::Tls;

namespace {

void decode_all(std::span<const std::byte> input) {
    while (true) {
        const wire::Decoded decoded = wire::decode(input);
        if (decoded.outcome != wire::Decoded::Outcome::frame) return;
        if (decoded.used_bytes > input.size()) std::abort();
        std::vector<std::byte> again(wire::kHeaderBytes);
        wire::put_header(again, decoded.frame.header);
        again.insert(again.end(), decoded.frame.payload.begin(), decoded.frame.payload.end());
        if (!std::equal(again.begin(), again.end(), input.begin())) std::abort();
        const wire::Fields& fields = decoded.frame.fields;
        const auto run = pipeline::decode_run(fields);
        if (run.ok() && pipeline::typed_command(run.value()).find('\0') != std::string::npos) {
            std::abort();
        }
        (void)pipeline::decode_copy(fields);
        const auto hello = pipeline::decode_hello(fields);
        if (hello.ok() && hello.value().nonce.size() != wire::kNonceBytes) std::abort();
        (void)pipeline::decode_welcome(fields);
        const auto error = pipeline::error_of(fields);
        if (error.has_value() && error->message.find('\x1b') != std::string::npos) std::abort();
        input = input.subspan(decoded.used_bytes);
    }
}

class User : public pipeline::StreamUser {
  public:
    void on_data(std::uint8_t channel, std::span<const std::byte> bytes) override {
        if (channel > 1) std::abort();
        held += bytes.size();
        if (held > wire::kInitialWindow) std::abort();
        if (bytes.size() % 2 == 0 && stream != nullptr) {
            stream->consumed(held);
            held = 0;
        }
    }
    void on_end(std::uint8_t channel) override {
        if (channel == 1) stream.reset();
    }
    void on_room() override {
        if (stream == nullptr) return;
        const auto room = stream->prepare();
        stream->commit(0, std::min<std::size_t>(room.size(), 100));
    }
    void on_status(const wire::Fields&) override { std::abort(); }  // nobody was asked
    void on_lost(const base::Error&) override {}

    std::unique_ptr<pipeline::Stream> stream;
    std::size_t held = 0;
};

class Server : public pipeline::ConnectionOwner {
  public:
    explicit Server(loop::Loop& loop) : loop_(loop) {}
    void on_secure() override {}
    void on_greeting(const wire::Fields& fields) override {
        if (!pipeline::decode_hello(fields).ok()) {
            return connection->refuse(base::Error(base::ExitCode::protocol, "no"));
        }
        connection->begin();
    }
    void on_open(std::uint16_t id, const wire::Fields& fields) override {
        if (fields.number(wire::FieldId::operation) == 1) {
            return connection->refuse_stream(id, base::Error(base::ExitCode::refused, "no"));
        }
        if (users.size() >= wire::kMaximumStreams * 4) return;
        users.push_back(std::make_unique<User>());
        users.back()->stream = connection->accept(id, *users.back());
        users.back()->on_room();
    }
    void on_lost(const base::Error&) override { loop_.stop(); }

    std::unique_ptr<pipeline::Connection> connection;
    std::vector<std::unique_ptr<User>> users;

  private:
    loop::Loop& loop_;
};

// The client's half without a Connection: TLS and the raw bytes.
class Peer {
  public:
    Peer(loop::Loop& loop, Tls tls, std::span<const std::byte> bytes)
        : loop_(loop), tls_(std::move(tls)), bytes_(bytes) {
        poll_ = loop::Poll::create(loop, tls_.fd(), [this](int) { advance(); }).value();
        poll_->watch(loop::Poll::kReadable);
        turn_ = loop::Idle::create(loop, [this] { advance(); }).value();
        turn_->start();
    }

  private:
    void advance() {
        turn_->stop();
        if (!secure_) {
            const auto progress = tls_.handshake();
            if (!progress.ok()) std::abort();
            (void)tls_.flush();
            if (progress.value() == Tls::Progress::wants_input) return;
            secure_ = true;
            const auto hello = encode(pipeline::Hello{std::vector<std::byte>(32), {}});
            std::vector<std::byte> frame(wire::kHeaderBytes);
            wire::put_header(
                frame, {wire::Kind::hello, 0, 0, static_cast<std::uint32_t>(hello.view().size())});
            frame.insert(frame.end(), hello.view().begin(), hello.view().end());
            if (!tls_.write(frame).ok() || !tls_.write(bytes_).ok()) std::abort();
            tls_.end();
        }
        (void)tls_.flush();
        std::byte memory[16384];
        while (true) {
            const auto got = tls_.read(memory);
            if (!got.ok() || (got.value().has_value() && *got.value() == 0)) return loop_.stop();
            if (!got.value().has_value()) return;
        }
    }

    loop::Loop& loop_;
    Tls tls_;
    std::span<const std::byte> bytes_;
    bool secure_ = false;
    std::optional<loop::Poll> poll_;
    std::optional<loop::Idle> turn_;
};

void connect(std::span<const std::byte> input) {
    static const auto client_key = crypto::Identity::generate().value();
    static const auto server_key = crypto::Identity::generate().value();
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        std::abort();
    }
    loop::Loop loop = loop::Loop::create().value();
    Server server(loop);
    server.connection =
        pipeline::Connection::create(
            loop, Tls::Side::server,
            Tls::create(Tls::Side::server, server_key, base::Fd(ends[0])).value(), server)
            .value();
    Peer peer(loop, Tls::create(Tls::Side::client, client_key, base::Fd(ends[1])).value(), input);
    loop.run();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::byte> input = std::as_bytes(std::span(data, size));
    decode_all(input);
    // Most of the time goes into the handshake, so few inputs have one.
    if (size > 0 && size < 100'000 && data[size - 1] % 16 == 0) connect(input);
    return 0;
}
