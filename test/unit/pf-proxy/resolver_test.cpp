// Names to addresses over a nameserver of the test's own: answers, lies, silence, limits.
#include "resolver.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>

#include "base/bytes.h"
#include "dns_server.h"

using namespace std::chrono_literals;
using pf_proxy::Family;
using pf_proxy::Freshness;
using pf_proxy::Resolver;
using pf_proxy::ResolverSettings;
using pf_proxy_test::DnsServer;
using pf_proxy_test::Message;
using pf_proxy_test::Messages;
using pf_proxy_test::with_addresses;
using vsockio::IpAddress;

namespace {

const IpAddress kFour = IpAddress::v4(198, 35, 26, 96);
const IpAddress kOther = IpAddress::v4(198, 35, 26, 97);
const IpAddress kSix = IpAddress::v6({0x2606, 0x4700, 0, 0, 0, 0, 0, 0xabcd});

// Both families; whatever the name.
Messages honest(const DnsServer::Asked& asked) {
    return {with_addresses(asked.query, {asked.query.question.type == dns::kTypeA ? kFour : kSix})};
}

struct Net {
    explicit Net(DnsServer::Answerer answerer, ResolverSettings settings = {})
        : server(loop, std::move(answerer)) {
        settings.nameservers = {server.endpoint()};
        if (settings.hosts_file == "/etc/hosts") settings.hosts_file.clear();
        resolver = std::move(Resolver::create(loop, std::move(settings))).value();
    }

    base::Result<Resolver::Answer> ask(std::string_view name, Family family = Family::v4,
                                       Freshness freshness = Freshness::remembered) {
        std::optional<base::Result<Resolver::Answer>> answer;
        const auto query = resolver->resolve(name, family, freshness, [&](auto got) {
            CHECK_FALSE(answer.has_value());
            answer = std::move(got);
        });
        CHECK_FALSE(answer.has_value());  // never from resolve() itself
        REQUIRE(pf_proxy_test::run_until(loop, [&] { return answer.has_value(); }));
        return *answer;
    }
    int failure(std::string_view name, Family family = Family::v4) {
        const auto answer = ask(name, family);
        REQUIRE_FALSE(answer.ok());
        return answer.error().errno_value;
    }

    loop::Loop loop = loop::Loop::create().value();
    DnsServer server;
    std::unique_ptr<Resolver> resolver;
};

ResolverSettings hasty() {
    ResolverSettings settings;
    settings.try_timeout = 20ms;
    settings.tries = 2;
    return settings;
}

}  // namespace

TEST_CASE("a name is resolved to the addresses of the family that is wanted") {
    Net net(honest);
    CHECK(net.ask("example.com").value().addresses == std::vector{kFour});
    CHECK(net.ask("example.com", Family::v6).value().addresses == std::vector{kSix});
    CHECK(net.ask("example.com", Family::any).value().addresses.size() == 2);
    CHECK(net.server.asked().size() == 4);
    CHECK(net.server.asked()[0].query.question.name == "example.com");
}

TEST_CASE("an address is its own answer, and a bad name is not asked for") {
    Net net(honest);
    CHECK(net.ask("192.0.2.7").value().addresses == std::vector{IpAddress::v4(192, 0, 2, 7)});
    CHECK(net.ask("::ffff:192.0.2.7").value().addresses ==
          std::vector{IpAddress::v4(192, 0, 2, 7)});
    CHECK(net.failure("192.0.2.7", Family::v6) == EHOSTUNREACH);
    CHECK(net.failure("127.1") == EINVAL);
    CHECK(net.failure("") == EINVAL);
    CHECK(net.failure("a b") == EINVAL);
    CHECK(net.server.asked().empty());
}

TEST_CASE("an answer is remembered for its time and counts down") {
    Net net([](const auto& asked) { return Messages{with_addresses(asked.query, {kFour}, 100)}; });
    CHECK(net.ask("Example.com").value().ttl == 100s);
    CHECK(net.ask("example.COM.").value().ttl <= 100s);
    CHECK(net.server.asked().size() == 1);
}

TEST_CASE("lifetimes lie between a second and five minutes") {
    Net net([](const auto& asked) {
        const bool is_short = asked.query.question.name == "short";
        return Messages{with_addresses(asked.query, {kFour}, is_short ? 0 : 1'000'000)};
    });
    CHECK(net.ask("short").value().ttl == 1s);
    CHECK(net.ask("long").value().ttl == 300s);
}

TEST_CASE("who asks for the same name at the same time is answered by one question") {
    Net net(honest);
    int answers = 0;
    std::vector<std::unique_ptr<Resolver::Query>> queries;
    for (int count = 0; count < 50; ++count) {
        queries.push_back(net.resolver->resolve("example.com", Family::v4, Freshness::remembered,
                                                [&](auto answer) {
                                                    CHECK(answer.ok());
                                                    ++answers;
                                                }));
    }
    CHECK(pf_proxy_test::run_until(net.loop, [&] { return answers == 50; }));
    CHECK(net.server.asked().size() == 1);
}

TEST_CASE("a name without an address is unreachable, and for a while not asked for again") {
    Net net([](const auto& asked) {
        const bool exists = asked.query.question.name == "empty.example";
        return Messages{pf_proxy_test::with_code(
            asked.query, exists ? dns::Rcode::no_error : dns::Rcode::no_such_name)};
    });
    CHECK(net.failure("none.example") == EHOSTUNREACH);
    CHECK(net.failure("empty.example") == EHOSTUNREACH);
    CHECK(net.server.asked().size() == 2);
    CHECK(net.failure("none.example") == EHOSTUNREACH);
    CHECK(net.failure("empty.example") == EHOSTUNREACH);
    CHECK(net.server.asked().size() == 2);
}

TEST_CASE("nothing but the name itself is asked for, whatever suffixes the machine has") {
    REQUIRE(::setenv("LOCALDOMAIN", "suffix.example", 1) == 0);
    REQUIRE(::setenv("RES_OPTIONS", "ndots:5", 1) == 0);
    Net net([](const auto& asked) {
        return Messages{pf_proxy_test::with_code(asked.query, dns::Rcode::no_such_name)};
    });
    ::unsetenv("LOCALDOMAIN");
    ::unsetenv("RES_OPTIONS");
    CHECK(net.failure("host") == EHOSTUNREACH);
    CHECK(net.failure("a.example") == EHOSTUNREACH);
    REQUIRE(net.server.asked().size() == 2);
    CHECK(net.server.asked()[0].query.question.name == "host");
    CHECK(net.server.asked()[1].query.question.name == "a.example");
}

TEST_CASE("a server that fails makes names unreachable, and is asked again") {
    Net net(
        [](const auto& asked) {
            return Messages{pf_proxy_test::with_code(asked.query, dns::Rcode::server_failure)};
        },
        hasty());
    CHECK(net.failure("example.com") == EHOSTUNREACH);
    const std::size_t before = net.server.asked().size();
    CHECK(net.failure("example.com") == EHOSTUNREACH);
    CHECK(net.server.asked().size() > before);
}

TEST_CASE("a server that is silent is asked again, then the time is up") {
    Net net([](const auto&) { return Messages(); }, hasty());
    CHECK(net.failure("example.com") == ETIMEDOUT);
    CHECK(net.server.asked().size() == 2);
}

TEST_CASE("a lookup ends at its limit, however long the tries would take") {
    ResolverSettings settings;
    settings.limit = 30ms;
    bool talks = false;
    Net net([&](const auto& asked) { return talks ? honest(asked) : Messages(); }, settings);
    CHECK(net.failure("example.com") == ETIMEDOUT);
    CHECK(net.failure("example.com") == ETIMEDOUT);
    CHECK(net.server.asked().size() == 1);
    talks = true;
    CHECK(net.ask("other.example").ok());
}

TEST_CASE("an answer that was cut off is asked for by TCP") {
    std::vector<IpAddress> many;
    for (int number = 0; number < 300; ++number) {
        many.push_back(IpAddress::v4(9, 9, static_cast<std::uint8_t>(number / 200),
                                     static_cast<std::uint8_t>(number % 200)));
    }
    Net net([&](const auto& asked) {
        return Messages{with_addresses(asked.query, many, 60, asked.tcp ? 65'535 : 512)};
    });
    const auto answer = net.ask("example.com");
    REQUIRE(answer.ok());
    CHECK(answer.value().addresses.size() == 256);
    REQUIRE(net.server.asked().size() == 2);
    CHECK(net.server.asked()[1].tcp);
}

TEST_CASE("aliases are followed, and the shortest lifetime of the way counts") {
    Net net([](const auto& asked) {
        return Messages{pf_proxy_test::with_records(
            asked.query, {{asked.query.question.name, 7, std::string("edge.example")},
                          {"edge.example", 90, std::string("x.example")},
                          {"x.example", 80, kFour}})};
    });
    const auto answer = net.ask("www.example");
    REQUIRE(answer.ok());
    CHECK(answer.value().addresses == std::vector{kFour});
    CHECK(answer.value().ttl == 7s);
}

TEST_CASE("an answer with another id or question is not believed, the right one behind it is") {
    Net net([](const auto& asked) {
        Message wrong_id = with_addresses(asked.query, {kOther});
        wrong_id[0] ^= std::byte{1};
        const auto bytes =
            dns::encode_query(asked.query.header.id, {"evil.example", dns::kTypeA}, false, {});
        const Message wrong_question = with_addresses(dns::decode_query(bytes).query, {kOther});
        return Messages{wrong_id, wrong_question, with_addresses(asked.query, {kFour})};
    });
    CHECK(net.ask("example.com").value().addresses == std::vector{kFour});
}

TEST_CASE("mapped addresses come as the IPv4 addresses that they are, each once") {
    Net net([](const auto& asked) {
        const auto mapped = IpAddress::v6({0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0207});
        return Messages{with_addresses(asked.query, {mapped, kSix, kSix})};
    });
    const auto answer = net.ask("example.com", Family::v6);
    REQUIRE(answer.ok());
    CHECK(answer.value().addresses.size() == 2);
    CHECK(std::ranges::count(answer.value().addresses, IpAddress::v4(192, 0, 2, 7)) == 1);
}

TEST_CASE("too many names at once are refused, and one that is known is not") {
    ResolverSettings settings = hasty();
    settings.try_timeout = 1000ms;
    settings.maximum_lookups = 2;
    settings.maximum_waiting = 3;
    bool talks = true;
    Net net([&](const auto& asked) { return talks ? honest(asked) : Messages(); }, settings);
    CHECK(net.ask("known.example").ok());
    talks = false;
    const auto ignore = [](auto) {};
    auto first = net.resolver->resolve("a.example", Family::v4, Freshness::remembered, ignore);
    auto second = net.resolver->resolve("b.example", Family::v4, Freshness::remembered, ignore);
    CHECK(net.failure("c.example") == EAGAIN);
    auto third = net.resolver->resolve("a.example", Family::v4, Freshness::remembered, ignore);
    CHECK(net.failure("a.example") == EAGAIN);
    CHECK(net.ask("known.example").ok());
    third.reset();
    auto fourth = net.resolver->resolve("a.example", Family::v4, Freshness::remembered, ignore);
    CHECK(net.failure("a.example") == EAGAIN);
}

TEST_CASE("a query that is destroyed is not called back") {
    Net net(honest);
    bool called = false;
    auto cancelled = net.resolver->resolve("example.com", Family::v4, Freshness::remembered,
                                           [&](auto) { called = true; });
    cancelled.reset();
    CHECK(net.ask("example.com").ok());
    auto known = net.resolver->resolve("example.com", Family::v4, Freshness::remembered,
                                       [&](auto) { called = true; });
    known.reset();
    CHECK(net.ask("example.com").ok());
    CHECK_FALSE(called);
}

TEST_CASE("whoever is called back may destroy the query and the resolver") {
    Net net(honest);
    bool called = false;
    std::unique_ptr<Resolver::Query> query =
        net.resolver->resolve("example.com", Family::v4, Freshness::remembered, [&](auto) {
            query.reset();
            net.resolver.reset();
            called = true;
        });
    CHECK(pf_proxy_test::run_until(net.loop, [&] { return called; }));
}

TEST_CASE("a resolver goes with questions under way and calls nobody") {
    Net net([](const auto&) { return Messages(); });
    const auto query = net.resolver->resolve("example.com", Family::any, Freshness::remembered,
                                             [](auto) { FAIL(); });
    CHECK(pf_proxy_test::run_until(net.loop, [&] { return !net.server.asked().empty(); }));
    net.resolver.reset();
}

TEST_CASE("the hosts file is believed before a nameserver, for the families it has") {
    char path[] = "/tmp/resolver_test_XXXXXX";
    ::close(::mkstemp(path));
    std::ofstream(path) << "192.0.2.7 db.internal\n";
    ResolverSettings settings;
    settings.hosts_file = path;
    Net net(honest, settings);
    CHECK(net.ask("DB.internal", Family::any).value().addresses ==
          std::vector{IpAddress::v4(192, 0, 2, 7)});
    CHECK(net.server.asked().empty());
    CHECK(net.ask("db.internal", Family::v6).value().addresses == std::vector{kSix});
    ::unlink(path);
}

// An honest server whose name moves after the first question.
struct Moving {
    explicit Moving(std::chrono::milliseconds fresh) : net(answerer(), settings(fresh)) {}

    DnsServer::Answerer answerer() {
        return [this](const DnsServer::Asked& question) {
            return Messages{with_addresses(question.query, {asked++ == 0 ? kFour : kOther})};
        };
    }
    static ResolverSettings settings(std::chrono::milliseconds fresh) {
        ResolverSettings settings;
        settings.fresh = fresh;
        return settings;
    }
    std::vector<IpAddress> ask(Freshness freshness) {
        return net.ask("example.com", Family::v4, freshness).value().addresses;
    }

    int asked = 0;
    Net net;
};

TEST_CASE("what is remembered is fresh for a while") {
    Moving young(1h);
    CHECK(young.ask(Freshness::remembered) == std::vector{kFour});
    CHECK(young.ask(Freshness::fresh) == std::vector{kFour});
    CHECK(young.asked == 1);
    Moving old(0ms);
    CHECK(old.ask(Freshness::remembered) == std::vector{kFour});
    CHECK(old.ask(Freshness::remembered) == std::vector{kFour});
    CHECK(old.ask(Freshness::fresh) == std::vector{kOther});
    CHECK(old.ask(Freshness::remembered) == std::vector{kOther});
    CHECK(old.asked == 2);
}

TEST_CASE("what a name had stays known when it has another address") {
    Moving moving(0ms);
    Resolver& resolver = *moving.net.resolver;
    CHECK_FALSE(resolver.has_had("example.com", kFour));
    CHECK(moving.ask(Freshness::fresh) == std::vector{kFour});
    CHECK(resolver.has_had("example.com", kFour));
    CHECK_FALSE(resolver.has_had("example.com", kOther));
    CHECK_FALSE(resolver.has_had("other.com", kFour));
    CHECK(moving.ask(Freshness::fresh) == std::vector{kOther});
    CHECK(resolver.has_had("example.com", kFour));
    CHECK(resolver.has_had("example.com", kOther));
}
