// pipeline forward: listens here for there (--local), there for here (--remote), or joins standard
// input and output to an address there or to initd's control socket.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "base/format.h"
#include "base/log.h"
#include "base/main.h"
#include "client.h"
#include "commands.h"
#include "inbound.h"
#include "outbound.h"
#include "status.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using base::Result;
using proto::pipeline::FieldId;
using proto::pipeline::Fields;
using proto::pipeline::Operation;
using proto::pipeline::Payload;
using vsockio::Address;

namespace {

struct Rule {
    Address from;
    Address to;
};

Payload request_for(Operation operation, const std::string& address) {
    Payload request;
    request.number(FieldId::operation, static_cast<std::uint64_t>(operation));
    if (!address.empty()) request.text(FieldId::address, address);
    return request;
}

Result<std::vector<Rule>> parse_rules(const base::Arguments& arguments, std::string_view option) {
    std::vector<Rule> rules;
    for (const std::string_view text : arguments.values(option)) {
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos) {
            return Error::usage(fmt::format("--{} {} has no '='", option, text),
                                "as in --local tcp:127.0.0.1:8080=tcp:127.0.0.1:80");
        }
        Rule rule;
        rule.from = TRY(vsockio::parse_address(text.substr(0, equals)));
        rule.to = TRY(vsockio::parse_address(text.substr(equals + 1)));
        rules.push_back(std::move(rule));
    }
    return rules;
}

void warn(const Error& error) {
    base::log::warning("not forwarded", {{"error", error.message}});
}

// A stream that the server opened for a connection of its listener.
class Arrival : public StreamUser {
  public:
    void start(Client& client, std::uint16_t id, const Address& to) {
        stream_ = client.connection().accept(id, *this);
        Result<std::unique_ptr<Outbound>> outbound = Outbound::start(
            client.loop(), to, *stream_, [] {},
            [this](std::optional<Error> error) { finish(std::move(error)); });
        if (!outbound.ok()) return finish(outbound.error());
        outbound_ = std::move(outbound).value();
    }
    bool over() const { return over_; }

    void on_data(std::uint8_t, std::span<const std::byte> bytes) override {
        outbound_->on_data(bytes);
    }
    void on_end(std::uint8_t) override { outbound_->on_end(); }
    void on_room() override { outbound_->on_room(); }
    void on_lost(const Error&) override { over_ = true; }

  private:
    void finish(std::optional<Error> error) {
        if (error.has_value()) warn(*error);
        stream_->finish(error.has_value() ? encode(*error) : Payload().number(FieldId::code, 0));
        over_ = true;
    }

    std::unique_ptr<Stream> stream_;
    std::unique_ptr<Outbound> outbound_;
    bool over_ = false;
};

// What the server listens on for us: a stream without bytes, alive as long as the listener.
class RemoteRule : public StreamUser {
  public:
    RemoteRule(Client& client, Rule rule, std::function<void()> settled)
        : client_(client), rule_(std::move(rule)), settled_(std::move(settled)) {}

    Result<void> start() {
        stream_ = TRY(client_.connection().open(
            request_for(Operation::listen, to_string(rule_.from)), *this));
        return {};
    }
    bool serves(std::string_view from) const { return from == to_string(rule_.from); }
    const Address& to() const { return rule_.to; }
    bool ready() const { return ready_; }
    const std::optional<Error>& failure() const { return failure_; }

    void on_opened(const Fields& fields) override {
        ready_ = true;
        const std::string bound(fields.text(FieldId::address).value_or(""));
        base::log::info("forwarding", {{"from_there", bound}, {"to", to_string(rule_.to)}});
        settled_();
    }
    void on_data(std::uint8_t, std::span<const std::byte> bytes) override {
        stream_->consumed(bytes.size());
    }
    void on_end(std::uint8_t) override {}
    void on_status(const Fields& fields) override {
        on_lost(
            error_of(fields).value_or(Error(ExitCode::protocol, "the server stopped listening")));
    }
    void on_lost(const Error& error) override {
        failure_ = error;
        settled_();
    }

  private:
    Client& client_;
    Rule rule_;
    std::function<void()> settled_;
    std::unique_ptr<Stream> stream_;
    bool ready_ = false;
    std::optional<Error> failure_;
};

Result<int> join_standard_streams(Client& client, const Payload& request) {
    base::Fd input = TRY(base::own_stream(STDIN_FILENO, O_RDONLY));
    base::Fd output = TRY(base::own_stream(STDOUT_FILENO, O_WRONLY));
    // The inherited copy would keep a pipe's reader waiting after the end.
    (void)::dup2(STDERR_FILENO, STDOUT_FILENO);
    const std::unique_ptr<JoinedSocket> joined =
        TRY(JoinedSocket::open(client.loop(), client.connection(), request, std::move(input),
                               std::move(output), [&](JoinedSocket&) { client.stop(); }));
    while (!joined->over())
        TRY(client.run());
    if (joined->failure().has_value()) return *joined->failure();
    client.close();
    return 0;
}

Result<int> forward_rules(Client& client, const base::Arguments& arguments) {
    const std::vector<Rule> local = TRY(parse_rules(arguments, "local"));
    const std::vector<Rule> remote = TRY(parse_rules(arguments, "remote"));
    if (local.empty() && remote.empty()) {
        return Error::usage("nothing is to be forwarded",
                            "give --local, --remote, --stdio or --control");
    }
    std::vector<std::unique_ptr<RemoteRule>> remotes;
    std::vector<std::unique_ptr<Arrival>> arrivals;
    std::vector<std::unique_ptr<Inbound>> locals;
    client.opened = [&](std::uint16_t id, const Fields& fields) {
        std::erase_if(arrivals, [](const auto& one) { return one->over(); });
        const std::string from(fields.text(FieldId::address).value_or(""));
        for (const auto& rule : remotes) {
            if (!rule->serves(from)) continue;
            arrivals.push_back(std::make_unique<Arrival>());
            return arrivals.back()->start(client, id, rule->to());
        }
        client.connection().refuse_stream(
            id, Error(ExitCode::refused, "this address was not asked for"));
    };
    for (const Rule& rule : local) {
        locals.push_back(
            TRY(Inbound::create(client.loop(), client.connection(), rule.from,
                                request_for(Operation::forward, to_string(rule.to)), warn)));
        base::log::info("forwarding", {{"from", to_string(locals.back()->bound())},
                                       {"to_there", to_string(rule.to)}});
    }
    for (const Rule& rule : remote) {
        remotes.push_back(std::make_unique<RemoteRule>(client, rule, [&client] { client.stop(); }));
        TRY(remotes.back()->start());
        while (!remotes.back()->ready() && !remotes.back()->failure().has_value())
            TRY(client.run());
        if (remotes.back()->failure().has_value()) return *remotes.back()->failure();
    }
    bool interrupted = false;
    std::vector<loop::Signal> signals;
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        signals.push_back(TRY(loop::Signal::create(client.loop(), number, [&](int) {
            interrupted = true;
            client.stop();
        })));
    }
    TRY(base::announce_ready(arguments.value("ready-fd")));
    while (!interrupted) {
        TRY(client.run());
        for (const auto& rule : remotes) {
            if (rule->failure().has_value()) return *rule->failure();
        }
    }
    return 0;
}

}  // namespace

Result<int> forward_command(const base::Arguments& arguments) {
    const ClientCall call = TRY(client_call(arguments));
    if (!call.operands.empty()) return Error::usage("forward takes an address and options");
    loop::Loop loop = TRY(loop::Loop::create());
    const std::unique_ptr<Client> client = TRY(Client::connect(loop, call.settings));
    if (arguments.has("control")) {
        return join_standard_streams(*client, request_for(Operation::control, {}));
    }
    if (arguments.has("stdio")) {
        const Address to = TRY(vsockio::parse_address(arguments.value("stdio")));
        return join_standard_streams(*client, request_for(Operation::forward, to_string(to)));
    }
    return forward_rules(*client, arguments);
}

}  // namespace pipeline
