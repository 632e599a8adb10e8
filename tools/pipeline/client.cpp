// From an address to a channel that may be trusted.
#include "client.h"

#include <sys/random.h>

#include "base/format.h"
#include "key_file.h"
#include "options.h"
#include "status.h"
#include "vsockio/dial.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using base::Result;
using proto::pipeline::Kind;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kRetryDelay{50};

// Cut off without a word: the server was full, or has just been started anew.
bool worth_repeating(const Error& error) {
    return error.code == ExitCode::unavailable || error.errno_value == ECONNRESET ||
           error.errno_value == EPIPE;
}

}  // namespace

Result<ClientCall> client_call(const base::Arguments& arguments) {
    ClientCall call;
    call.operands.assign(arguments.operands.begin(), arguments.operands.end());
    std::string address;
    if (arguments.has("cid")) {
        const std::uint64_t cid = TRY(arguments.number("cid", 0, 0xFFFFFFFF));
        const std::uint64_t port = TRY(arguments.number("port", 1, 0xFFFFFFFF));
        address = fmt::format("vsock:{}:{}", cid, port);
    } else {
        if (call.operands.empty()) {
            return Error::usage("no address is given", "pipeline COMMAND ADDRESS ..., or --cid N");
        }
        address = call.operands.front();
        call.operands.erase(call.operands.begin());
    }
    ClientSettings& settings = call.settings;
    settings.address = TRY(vsockio::parse_address(address));
    settings.key_file = TRY(config_file(arguments.value("key"), kKeyFile));
    settings.connect_timeout = TRY(arguments.duration("connect-timeout"));
    settings.judge.address = settings.address;
    settings.judge.allow_emulated = arguments.has("allow-emulated");
    settings.judge.allow_debug = arguments.has("allow-debug");
    settings.judge.expectations_file = arguments.value("pcrs");
    settings.judge.root_file = arguments.value("root");
    settings.judge.verified_file = TRY(config_file({}, kVerifiedFile));
    settings.judge.known_file =
        TRY(config_file(arguments.value("known-enclaves"), kKnownEnclavesFile));
    return call;
}

Result<std::unique_ptr<Client>> Client::connect(loop::Loop& loop, const ClientSettings& settings) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + settings.connect_timeout;
    const crypto::Identity identity = TRY(load_key(settings.key_file));
    while (true) {
        std::unique_ptr<Client> client(new Client(loop, settings));
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
        Result<void> done = client->attempt(identity, std::max(left, milliseconds(1)));
        if (done.ok()) return client;
        if (!worth_repeating(done.error()) || Clock::now() + kRetryDelay >= deadline ||
            settings.address.kind == vsockio::Address::Kind::fd) {
            return std::move(done).error();
        }
        loop::Timer pause = TRY(loop::Timer::create(loop, [&loop] { loop.stop(); }));
        pause.start(kRetryDelay);
        loop.run();
    }
}

Client::~Client() = default;

Result<void> Client::attempt(const crypto::Identity& identity, milliseconds time_left) {
    base::Fd socket = TRY(vsockio::dial(settings_.address, time_left));
    crypto::Tls tls =
        TRY(crypto::Tls::create(crypto::Tls::Side::client, identity, std::move(socket)));
    ConnectionLimits limits;
    limits.greeting = time_left;
    connection_ =
        TRY(Connection::create(loop_, crypto::Tls::Side::client, std::move(tls), *this, limits));
    loop_.run();
    if (failure_.has_value()) return *failure_;
    return {};
}

void Client::on_secure() {
    const Result<void> greeted = greet();
    if (!greeted.ok()) connection_->refuse(greeted.error());
}

Result<void> Client::greet() {
    nonce_.resize(proto::pipeline::kNonceBytes);
    if (::getrandom(nonce_.data(), nonce_.size(), 0) != static_cast<ssize_t>(nonce_.size())) {
        return Error::system("make", "a nonce");
    }
    connection_->greet(Kind::hello, encode(Hello{nonce_, {}}));
    return {};
}

void Client::on_greeting(const proto::pipeline::Fields& fields) {
    const Result<void> welcome = take_welcome(fields);
    if (!welcome.ok()) {
        failure_ = welcome.error();
        connection_->refuse(Error(ExitCode::refused, "the client did not accept the evidence"));
        return;
    }
    welcomed_ = true;
    connection_->begin();
    loop_.stop();
}

Result<void> Client::take_welcome(const proto::pipeline::Fields& fields) {
    const Welcome welcome = TRY(decode_welcome(fields));
    software_ = welcome.software;
    const std::vector<std::byte> key = TRY(connection_->tls().peer_key());
    const std::vector<std::byte> exporter = TRY(connection_->tls().exporter(kExporterLabel));
    const std::vector<std::byte> binding = TRY(evidence_binding(nonce_, exporter, key));
    accepted_ = TRY(judge(welcome.document, nonce_, binding, settings_.judge));
    return {};
}

void Client::on_open(std::uint16_t id, const proto::pipeline::Fields& fields) {
    if (opened) return opened(id, fields);
    connection_->refuse_stream(id, Error(ExitCode::refused, "nothing is offered here"));
}

void Client::on_lost(const Error& error) {
    if (!failure_.has_value()) failure_ = error;
    // Whoever closes on purpose does not look at it.
    if (failure_->code == ExitCode::done) {
        failure_ = Error(ExitCode::unavailable, "the server closed the connection");
    }
    loop_.stop();
}

Result<void> Client::run() {
    if (!failure_.has_value()) loop_.run();
    if (failure_.has_value()) return *failure_;
    return {};
}

void Client::stop() {
    loop_.stop();
}

void Client::close() {
    if (failure_.has_value()) return;
    connection_->close();
    while (!failure_.has_value())
        loop_.run();
}

}  // namespace pipeline
