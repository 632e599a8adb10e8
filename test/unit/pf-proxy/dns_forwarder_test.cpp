// Questions over one stream to a nameserver of the test's own: order, loss, silence, limits.
#include "dns_forwarder.h"

#include <catch2/catch_test_macros.hpp>
#include <set>

#include "base/bytes.h"
#include "dns_server.h"

using namespace std::chrono_literals;
using pf_proxy::Forwarder;
using pf_proxy_test::DnsServer;
using pf_proxy_test::Message;
using pf_proxy_test::Messages;
using vsockio::IpAddress;

namespace {

const IpAddress kAddress = IpAddress::v4(198, 35, 26, 96);

Messages honest(const DnsServer::Asked& asked) {
    return {pf_proxy_test::with_addresses(asked.query, {kAddress})};
}

pf_proxy::StreamForwarderSettings hasty() {
    pf_proxy::StreamForwarderSettings settings;
    settings.limit = 1000ms;
    settings.silence = 100ms;
    settings.idle = 100ms;
    return settings;
}

struct Net {
    explicit Net(DnsServer::Answerer answerer, pf_proxy::StreamForwarderSettings settings = {})
        : server(loop, std::move(answerer)) {
        use({server.endpoint()}, settings);
    }

    void use(const std::vector<vsockio::IpEndpoint>& nameservers,
             pf_proxy::StreamForwarderSettings settings = {}) {
        std::vector<pf_proxy::NameserverOpener> openers;
        for (const auto& nameserver : nameservers)
            openers.push_back(pf_proxy::open_directly(loop, nameserver, 1000ms));
        forwarder = std::move(pf_proxy::make_stream_forwarder(loop, openers, settings)).value();
    }

    void ask(const std::string& name, std::uint16_t id = 7) {
        auto query = dns::encode_query(id, {name, dns::kTypeA}, false, {});
        exchanges.push_back(forwarder->ask(std::move(query), [this, id](auto answer) {
            if (!answer.ok()) {
                failures.push_back(answer.error().errno_value);
                return;
            }
            CHECK(base::load_be<std::uint16_t>(answer.value()) == id);
            answers.push_back(dns::decode_answer(answer.value()).value());
        }));
        CHECK(answers.size() + failures.size() < exchanges.size());
    }
    bool settled() {
        return pf_proxy_test::run_until(
            loop, [&] { return answers.size() + failures.size() == exchanges.size(); });
    }

    loop::Loop loop = loop::Loop::create().value();
    DnsServer server;
    std::unique_ptr<Forwarder> forwarder;
    std::vector<std::unique_ptr<Forwarder::Exchange>> exchanges;
    std::vector<dns::Answer> answers;
    std::vector<int> failures;
};

}  // namespace

TEST_CASE("questions with the same id share a stream, and each gets its own answer") {
    Net net(honest);
    for (int count = 0; count < 100; ++count)
        net.ask("n" + std::to_string(count) + ".example");
    REQUIRE(net.settled());
    CHECK(net.failures.empty());
    CHECK(net.server.accepted() == 1);
    CHECK(net.server.asked().size() == 100);
    CHECK(net.server.asked()[0].tcp);
    std::set<std::string> names;
    for (const auto& answer : net.answers)
        names.insert(answer.question.name);
    CHECK(names.size() == 100);
}

TEST_CASE("answers may come in another order") {
    std::vector<dns::Query> held;
    Net net([&](const auto& asked) -> Messages {
        held.push_back(asked.query);
        if (held.size() < 3) return {};
        Messages messages;
        for (auto query = held.rbegin(); query != held.rend(); ++query)
            messages.push_back(pf_proxy_test::with_addresses(*query, {kAddress}));
        return messages;
    });
    net.ask("a.example", 1);
    net.ask("b.example", 2);
    net.ask("c.example", 3);
    REQUIRE(net.settled());
    CHECK(net.answers.size() == 3);
}

TEST_CASE("a server that closes after each answer is asked the rest again") {
    Net net([](const auto& asked) -> Messages {
        return {pf_proxy_test::with_addresses(asked.query, {kAddress}), Message()};
    });
    for (int count = 0; count < 10; ++count)
        net.ask("n" + std::to_string(count) + ".example");
    REQUIRE(net.settled());
    CHECK(net.answers.size() == 10);
    CHECK(net.server.accepted() == 10);
}

TEST_CASE("a server that closes without an answer is asked twice") {
    Net net([](const auto&) -> Messages { return {Message()}; });
    net.ask("a.example");
    REQUIRE(net.settled());
    CHECK(net.failures == std::vector{ECONNRESET});
    CHECK(net.server.accepted() == 2);
}

TEST_CASE("a server that is silent is given up for the next, where questions go from then on") {
    Net silent([](const auto&) { return Messages(); });
    DnsServer other(silent.loop, honest);
    silent.use({silent.server.endpoint(), other.endpoint()}, hasty());
    silent.ask("a.example");
    REQUIRE(silent.settled());
    CHECK(silent.answers.size() == 1);
    silent.ask("b.example");
    REQUIRE(silent.settled());
    CHECK(silent.server.asked().size() == 1);
    CHECK(other.asked().size() == 2);
}

TEST_CASE("a server that cannot be reached is followed by the next, and none by a failure") {
    Net net(honest);
    const vsockio::IpEndpoint closed{IpAddress::v4(127, 0, 0, 1), 1};
    net.use({closed, net.server.endpoint()});
    net.ask("a.example");
    REQUIRE(net.settled());
    CHECK(net.answers.size() == 1);
    net.use({closed, closed});
    net.ask("b.example");
    REQUIRE(net.settled());
    CHECK(net.failures == std::vector{ECONNREFUSED});
}

TEST_CASE("a question has its limit even where others are answered") {
    auto settings = hasty();
    settings.limit = 150ms;
    settings.silence = 10'000ms;
    Net net(
        [](const auto& asked) {
            return asked.query.question.name == "slow.example" ? Messages() : honest(asked);
        },
        settings);
    net.ask("slow.example");
    net.ask("fast.example");
    REQUIRE(net.settled());
    CHECK(net.answers.size() == 1);
    CHECK(net.failures == std::vector{ETIMEDOUT});
}

TEST_CASE("answers to what was not asked are passed over") {
    Net net([](const auto& asked) {
        Message other = honest(asked)[0];
        other[0] ^= std::byte{0x55};
        return Messages{other, honest(asked)[0]};
    });
    net.ask("a.example");
    REQUIRE(net.settled());
    CHECK(net.answers.size() == 1);
}

TEST_CASE("a stream on which no message could stand is closed") {
    Net net([](const auto&) { return Messages{Message(5)}; });
    net.ask("a.example");
    REQUIRE(net.settled());
    CHECK(net.failures == std::vector{EPROTO});
}

TEST_CASE("a stream without questions is closed, and the next question opens another") {
    Net net(honest, hasty());
    net.ask("a.example");
    REQUIRE(net.settled());
    CHECK(pf_proxy_test::run_until(net.loop, [&] { return net.server.open_streams() == 0; }));
    net.ask("b.example");
    REQUIRE(net.settled());
    CHECK(net.answers.size() == 2);
    CHECK(net.server.accepted() == 2);
}

TEST_CASE("a stream that the server closed while it was idle costs no try") {
    Net net(honest);
    net.ask("a.example");
    REQUIRE(net.settled());
    net.server.close_streams();
    net.ask("b.example");
    REQUIRE(net.settled());
    CHECK(net.answers.size() == 2);
}

TEST_CASE("too many questions at once are refused") {
    pf_proxy::StreamForwarderSettings settings;
    settings.maximum_exchanges = 3;
    Net net(honest, settings);
    for (int count = 0; count < 5; ++count)
        net.ask("a.example");
    REQUIRE(net.settled());
    CHECK(net.answers.size() == 3);
    CHECK(net.failures == std::vector{EAGAIN, EAGAIN});
}

TEST_CASE("an exchange that is destroyed is not called back, and the forwarder goes at any time") {
    Net net(honest);
    net.ask("a.example");
    net.exchanges.clear();
    net.ask("b.example");
    REQUIRE(net.settled());
    REQUIRE(net.answers.size() == 1);
    CHECK(net.answers[0].question.name == "b.example");
    net.ask("c.example");
    net.forwarder.reset();
    net.exchanges.clear();
    bool called = false;
    net.use({net.server.endpoint()});
    const auto last =
        net.forwarder->ask(dns::encode_query(1, {"d.example", 1}, false, {}), [&](auto) {
            net.forwarder.reset();
            called = true;
        });
    CHECK(pf_proxy_test::run_until(net.loop, [&] { return called; }));
}

TEST_CASE("a forwarder without a nameserver is refused") {
    auto loop = loop::Loop::create().value();
    CHECK_FALSE(pf_proxy::make_stream_forwarder(loop, {}, {}).ok());
}
