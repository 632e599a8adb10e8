// Queries through cache, policy and a nameserver that the test plays.
#include "dns_responder.h"

#include <catch2/catch_test_macros.hpp>

#include "base/bytes.h"
#include "base/text.h"
#include "dns_server.h"
#include "routing.h"

using namespace std::chrono_literals;
using dns::Rcode;
using pf_proxy::DnsResponder;
using pf_proxy::Forwarder;
using pf_proxy_test::Message;
using vsockio::IpAddress;

namespace {

const IpAddress kPublic = IpAddress::v4(198, 35, 26, 96);
const IpAddress kSecond = IpAddress::v4(198, 35, 26, 97);
const IpAddress kPrivate = IpAddress::v4(10, 0, 0, 7);
constexpr std::uint16_t kTypeTxt = 16;

// Keeps what is asked until the test answers it.
class HeldForwarder : public Forwarder {
  public:
    struct Held {
        dns::Query query;
        Done done;
    };
    std::unique_ptr<Exchange> ask(std::vector<std::byte> query, Done done) override {
        const auto decoded = dns::decode_query(query);
        REQUIRE(decoded.fault == Rcode::no_error);
        held.push_back({decoded.query, std::move(done)});
        return std::make_unique<Exchange>();
    }
    std::vector<Held> held;
};

struct Stub {
    explicit Stub(std::string_view policy_text = "rules: [allow: '*.example']",
                  pf_proxy::DnsResponderSettings settings = {}) {
        auto owned = std::make_unique<HeldForwarder>();
        forwarder = owned.get();
        responder.emplace(loop, settings, metrics, std::move(owned), policy(policy_text), pins);
    }

    static std::shared_ptr<const policy::Policy> policy(std::string_view text) {
        auto parsed = policy::Policy::parse(text, "policy.yaml");
        REQUIRE(parsed.ok());
        return std::make_shared<const policy::Policy>(std::move(parsed).value());
    }

    void ask(std::string_view name, std::uint16_t type = dns::kTypeA,
             std::optional<dns::Edns> edns = {},
             DnsResponder::Way way = DnsResponder::Way::datagram) {
        const Message query = dns::encode_query(0x4242, {std::string(name), type}, false, edns);
        CHECK(responder->respond(query, way, [this](std::span<const std::byte> answer) {
            CHECK(base::load_be<std::uint16_t>(answer) == 0x4242);
            sizes.push_back(answer.size());
            answers.push_back(dns::decode_answer(answer).value());
        }));
    }
    // What is waiting longest.
    void answer(const std::function<Message(const dns::Query&)>& make) {
        REQUIRE_FALSE(forwarder->held.empty());
        const auto held = std::move(forwarder->held.front());
        forwarder->held.erase(forwarder->held.begin());
        held.done(make(held.query));
    }
    void answer_with(const std::vector<IpAddress>& addresses, std::uint32_t ttl = 300) {
        answer([&](const auto& query) {
            return pf_proxy_test::with_addresses(query, addresses, ttl);
        });
    }
    const dns::Answer& last() const {
        REQUIRE_FALSE(answers.empty());
        return answers.back();
    }

    loop::Loop loop = loop::Loop::create().value();
    pf_proxy::Metrics metrics{};
    pf_proxy::Pins pins;
    HeldForwarder* forwarder = nullptr;
    std::optional<DnsResponder> responder;
    std::vector<dns::Answer> answers;
    std::vector<std::size_t> sizes;
};

std::vector<IpAddress> addresses_of(const dns::Answer& answer) {
    std::vector<IpAddress> addresses;
    for (const dns::Record& record : answer.records) {
        if (const auto* address = std::get_if<IpAddress>(&record.data))
            addresses.push_back(*address);
    }
    return addresses;
}

}  // namespace

TEST_CASE("a question is asked once, and then answered from the cache in any case of letters") {
    Stub stub;
    stub.ask("www.example");
    stub.answer_with({kPublic});
    CHECK(addresses_of(stub.last()) == std::vector{kPublic});
    CHECK(stub.last().records[0].ttl == 300);
    Message upper = dns::encode_query(0x4242, {"www.example", dns::kTypeA}, false, {});
    upper[13] = std::byte{'W'};
    CHECK(stub.responder->respond(upper, DnsResponder::Way::datagram, [&](auto answer) {
        CHECK(base::as_text(answer).find("Www") != std::string_view::npos);
        stub.answers.push_back(dns::decode_answer(answer).value());
    }));
    CHECK(stub.answers.size() == 2);
    CHECK(stub.forwarder->held.empty());
    CHECK(stub.metrics.dns_from_cache.load() == 1);
    CHECK(stub.metrics.dns_forwarded.load() == 1);
}

TEST_CASE("who asks the same at the same time shares an answer, each under its own limits") {
    Stub stub;
    std::vector<IpAddress> many;
    for (std::uint8_t last = 1; last <= 60; ++last)
        many.push_back(IpAddress::v4(9, 9, 9, last));
    stub.ask("www.example");
    stub.ask("www.example", dns::kTypeA, {}, DnsResponder::Way::stream);
    REQUIRE(stub.forwarder->held.size() == 1);
    stub.answer_with(many);
    REQUIRE(stub.answers.size() == 2);
    CHECK(stub.answers[0].header.truncated);
    CHECK(stub.sizes[0] <= 512);
    CHECK(addresses_of(stub.answers[1]).size() == 60);
    stub.ask("www.example", dns::kTypeA, dns::Edns{1232, 0, 0, false});
    CHECK(addresses_of(stub.last()).size() == 60);
}

TEST_CASE("nothing but the question leaves") {
    Stub stub;
    Message query = dns::encode_query(0x4242, {"www.example", kTypeTxt}, false, dns::Edns{});
    query[13] = std::byte{'W'};
    // An option with four bytes of data.
    query[query.size() - 1] = std::byte{8};
    for (const char byte : {'\xff', '\xff', '\0', '\4', 's', 'e', 'c', 'r'})
        query.push_back(static_cast<std::byte>(byte));
    CHECK(stub.responder->respond(query, DnsResponder::Way::datagram, [](auto) {}));
    REQUIRE(stub.forwarder->held.size() == 1);
    const dns::Query& asked = stub.forwarder->held[0].query;
    CHECK(dns::encode_query(0, asked.question, false, dns::Edns{4096, 0, 0, false}).size() ==
          query.size() - 8);
    CHECK(base::as_text(asked.question_bytes).starts_with("\3www"));
}

TEST_CASE("a name that is denied is not asked for, and said to be prohibited") {
    Stub stub;
    std::vector<std::string> told;
    stub.responder->on_refused(
        [&](const std::string& name, const std::string&) { told.push_back(name); });
    stub.ask("evil.test", dns::kTypeA, dns::Edns{});
    CHECK(addresses_of(stub.last()) == std::vector{pf_proxy::kRefusedV4});
    stub.ask("evil.test", dns::kTypeAaaa);
    CHECK(addresses_of(stub.last()) == std::vector{pf_proxy::kRefusedV6});
    stub.ask("evil.test", kTypeTxt);
    CHECK(stub.last().rcode == Rcode::refused);
    CHECK(stub.forwarder->held.empty());
    CHECK(told.size() == 3);
    CHECK(stub.pins.size() == 0);
    CHECK(stub.metrics.dns_refused.load() == 3);
}

TEST_CASE("addresses that are refused whatever the port are left out and not pinned") {
    Stub stub;
    stub.ask("www.example");
    stub.answer_with({kPrivate, kPublic});
    CHECK(addresses_of(stub.last()) == std::vector{kPublic});
    CHECK(stub.pins.names_of(kPrivate, stub.loop.now()).empty());
    stub.ask("inside.example");
    stub.answer_with({kPrivate});
    CHECK(addresses_of(stub.last()) == std::vector{pf_proxy::kRefusedV4});
    CHECK(stub.pins.size() == 1);
}

TEST_CASE("an address is pinned to the name before the answer goes out, from the cache as well") {
    Stub stub;
    std::vector<std::pair<IpAddress, pf_proxy::Pins::Time>> pinned;
    stub.responder->on_pinned([&](const std::string& name, const IpAddress& address, auto until) {
        CHECK(name == "www.example");
        CHECK(stub.answers.size() == pinned.size() / 2);
        pinned.emplace_back(address, until);
    });
    stub.ask("www.example");
    stub.answer_with({kPublic, kSecond}, 500);
    CHECK(stub.pins.names_of(kPublic, stub.loop.now()) == std::vector<std::string>{"www.example"});
    REQUIRE(pinned.size() == 2);
    CHECK(pinned[0].first == kPublic);
    CHECK(pinned[0].second == stub.loop.now() + 500s);
    stub.ask("www.example");
    CHECK(pinned.size() == 4);
}

TEST_CASE("another policy counts at once, for what is in the cache too") {
    Stub stub;
    stub.ask("www.example");
    stub.answer_with({kPublic});
    stub.responder->set_policy(Stub::policy("rules: [deny: 198.35.26.96, allow: '*']"));
    stub.ask("www.example");
    CHECK(addresses_of(stub.last()) == std::vector{pf_proxy::kRefusedV4});
    stub.ask("late.example");
    stub.responder->set_policy(Stub::policy("default: deny"));
    stub.answer_with({kSecond});
    CHECK(addresses_of(stub.last()) == std::vector{pf_proxy::kRefusedV4});
}

TEST_CASE("a name that is not there is remembered, a server that fails is not") {
    Stub stub;
    stub.ask("none.example");
    stub.answer(
        [](const auto& query) { return pf_proxy_test::with_code(query, Rcode::no_such_name); });
    CHECK(stub.last().rcode == Rcode::no_such_name);
    stub.ask("none.example");
    CHECK(stub.last().rcode == Rcode::no_such_name);
    CHECK(stub.forwarder->held.empty());

    stub.ask("broken.example");
    stub.answer(
        [](const auto& query) { return pf_proxy_test::with_code(query, Rcode::server_failure); });
    CHECK(stub.last().rcode == Rcode::server_failure);
    stub.ask("broken.example");
    CHECK(stub.forwarder->held.size() == 1);
}

TEST_CASE("an answer to another question, or none at all, is a failure of the server") {
    Stub stub;
    stub.ask("www.example");
    stub.answer([](const auto&) {
        const Message other = dns::encode_query(0, {"other.example", dns::kTypeA}, false, {});
        return pf_proxy_test::with_addresses(dns::decode_query(other).query, {kPublic});
    });
    CHECK(stub.last().rcode == Rcode::server_failure);
    stub.ask("www.example");
    stub.answer([](const auto&) { return Message(40, std::byte{0xc0}); });
    CHECK(stub.last().rcode == Rcode::server_failure);
    stub.ask("www.example");
    const auto held = stub.forwarder->held;
    stub.forwarder->held.clear();
    held[0].done(base::Error::system("ask", "the nameserver", ETIMEDOUT));
    CHECK(stub.last().rcode == Rcode::server_failure);
    CHECK(stub.metrics.dns_failed.load() == 3);
    CHECK(stub.pins.size() == 0);
}

TEST_CASE("other records come as the nameserver has them") {
    Stub stub;
    stub.ask("www.example", kTypeTxt);
    stub.answer([](const auto& query) {
        Message message = pf_proxy_test::with_code(query, Rcode::no_error);
        message[7] = std::byte{1};
        for (const int byte : {0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 9, 0, 3, 2, 0x68, 0x69})
            message.push_back(static_cast<std::byte>(byte));
        return message;
    });
    CHECK(stub.last().rcode == Rcode::no_error);
    CHECK(stub.sizes.back() == 12 + 17 + 15);
    stub.ask("www.example", kTypeTxt);
    CHECK(stub.forwarder->held.size() == 1);
}

TEST_CASE("who wants signatures gets the nameserver's own answer, unless it has to be changed") {
    Stub stub;
    const dns::Edns signatures{1232, 0, 0, true};
    const auto with_more = [](std::vector<IpAddress> addresses) {
        return [addresses](const dns::Query& query) {
            std::vector<dns::Record> records;
            for (const auto& address : addresses)
                records.push_back({query.question.name, 60, address});
            records.push_back({"more.example", 60, kSecond});
            return pf_proxy_test::with_records(query, records);
        };
    };
    stub.ask("www.example", dns::kTypeA, signatures);
    CHECK(stub.forwarder->held[0].query.edns->dnssec_ok);
    stub.answer(with_more({kPublic}));
    CHECK(stub.last().records.size() == 2);
    CHECK(stub.pins.names_of(kPublic, stub.loop.now()).size() == 1);
    stub.ask("www.example", dns::kTypeA, signatures);
    CHECK(stub.forwarder->held.size() == 1);
    stub.answer(with_more({kPublic, kPrivate}));
    CHECK(addresses_of(stub.last()) == std::vector{kPublic});
}

TEST_CASE("too many questions at once fail, and none of those before is lost") {
    pf_proxy::DnsResponderSettings settings;
    settings.maximum_pending = 2;
    settings.maximum_waiting = 3;
    Stub stub("rules: [allow: '*.example']", settings);
    stub.ask("a.example");
    stub.ask("b.example");
    stub.ask("c.example");
    CHECK(stub.answers.size() == 1);
    CHECK(stub.last().rcode == Rcode::server_failure);
    stub.ask("a.example");
    stub.ask("a.example");
    CHECK(stub.answers.size() == 2);
    stub.answer_with({kPublic});
    stub.answer_with({kPublic});
    CHECK(stub.answers.size() == 5);
    CHECK(stub.metrics.dns_too_many.load() == 2);
    stub.ask("c.example");
    CHECK(stub.forwarder->held.size() == 1);
}

TEST_CASE("what is no query is told so, or nothing") {
    Stub stub;
    const auto count = [&](std::string_view bytes) {
        int sent = 0;
        const bool answered = stub.responder->respond(
            base::as_bytes(bytes), DnsResponder::Way::datagram, [&](auto) { ++sent; });
        CHECK(answered == (sent == 1));
        return sent;
    };
    using namespace std::string_view_literals;
    CHECK(count("short") == 0);
    CHECK(count("\1\2\x80\0\0\0\0\0\0\0\0\0"sv) == 0);
    CHECK(count("\1\2\1\0\0\0\0\0\0\0\0\0"sv) == 1);
    CHECK(stub.metrics.dns_malformed.load() == 3);
}
