// Names to gates: what waits for what, and what can never start.
#include "order.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

using namespace initd;

namespace {

ServiceSettings named(std::string name, Links links = {}) {
    ServiceSettings settings;
    settings.name = std::move(name);
    settings.links = std::move(links);
    return settings;
}

Order order(const std::vector<ServiceSettings>& services) {
    std::vector<const ServiceSettings*> pointers;
    for (const ServiceSettings& service : services)
        pointers.push_back(&service);
    return order_services(pointers);
}

bool waits(const Order& order, std::size_t service, std::size_t on, bool required) {
    const auto& gates = order.gates[service];
    return std::any_of(gates.begin(), gates.end(), [&](const Gate& gate) {
        return gate.on == on && gate.required == required;
    });
}

}  // namespace

TEST_CASE("after, wants and requires wait; before makes the other wait") {
    const Order result =
        order({named("a"), named("b", {.after = {"a"}}), named("c", {.requirements = {"a"}}),
               named("d", {.wants = {"a"}}), named("e", {.before = {"a"}})});
    CHECK(waits(result, 1, 0, false));
    CHECK(waits(result, 2, 0, true));
    CHECK(waits(result, 3, 0, false));
    CHECK(waits(result, 0, 4, false));
    CHECK(result.failures.empty());
    CHECK(result.warnings.empty());
}

TEST_CASE("a missing requirement fails that service by name, other gaps only warn") {
    const Order result =
        order({named("a", {.requirements = {"ghost"}}), named("b", {.after = {"ghost"}}),
               named("c", {.before = {"ghost"}}), named("d", {.wants = {"ghost"}})});
    REQUIRE(result.failures.size() == 1);
    CHECK(result.failures[0].service == 0);
    CHECK(result.failures[0].text == "it requires 'ghost', which does not exist or is disabled");
    CHECK(result.warnings.size() == 3);
}

TEST_CASE("a disabled service counts as missing and is not judged itself") {
    std::vector<ServiceSettings> services{named("a", {.requirements = {"b"}}),
                                          named("b", {.requirements = {"ghost"}})};
    services[1].enabled = false;
    const Order result = order(services);
    REQUIRE(result.failures.size() == 1);
    CHECK(result.failures[0].service == 0);
}

TEST_CASE("a cycle fails its members with the way round, and nobody else") {
    const Order result =
        order({named("a", {.after = {"c"}}), named("b", {.after = {"a"}}),
               named("c", {.requirements = {"b"}}), named("d", {.after = {"a"}}), named("e")});
    REQUIRE(result.failures.size() == 3);
    for (const Order::Remark& failure : result.failures) {
        CHECK(failure.service <= 2);
        CHECK(failure.text == "its order is a cycle: a -> c -> b -> a");
    }
}

TEST_CASE("a service that waits for itself is a cycle of one") {
    const Order result = order({named("a", {.after = {"a"}})});
    REQUIRE(result.failures.size() == 1);
    CHECK(result.failures[0].text == "its order is a cycle: a -> a");
}

TEST_CASE("two cycles that share a member are told as one") {
    const Order result = order({named("a", {.after = {"b"}}), named("b", {.after = {"a", "c"}}),
                                named("c", {.after = {"b"}})});
    CHECK(result.failures.size() == 3);
}

TEST_CASE("a chain of ten thousand services is ordered without deep recursion") {
    std::vector<ServiceSettings> services;
    for (int index = 0; index < 10'000; ++index) {
        services.push_back(named("s" + std::to_string(index)));
        if (index > 0) services.back().links.after = {"s" + std::to_string(index - 1)};
    }
    CHECK(order(services).failures.empty());
    services[0].links.after = {"s9999"};
    CHECK(order(services).failures.size() == 10'000);
}
