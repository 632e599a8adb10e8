// What a changed file means for a service that runs.
#include "difference.h"

#include <catch2/catch_test_macros.hpp>

#include "service_file.h"

using namespace initd;

namespace {

LoadedService loaded(std::string_view text) {
    LoadedService service;
    const auto settings = parse_service("web", text, "web.yaml");
    REQUIRE(settings.ok());
    service.settings = settings.value();
    return service;
}

Change change(std::string_view old_text, std::string_view new_text) {
    return compare(loaded(old_text), {}, loaded(new_text), {});
}

}  // namespace

TEST_CASE("a file that says the same changes nothing") {
    CHECK(change("exec: [a, b]\n", "# other words\nexec: a b\nrestart: on-failure\n") ==
          Change::kept);
}

TEST_CASE("what the program was started with needs a new start") {
    for (const char* line :
         {"env: {A: b}", "cwd: /srv", "umask: \"077\"", "user: \"7\"\ngroup: \"7\"",
          "no_new_privs: false", "capabilities: []", "private_tmp: true", "limits: {nofile: 100}",
          "type: oneshot", "type: notify", "type: ready-fd", "ready: {fd: 4}", "ready: {file: /x}",
          "watchdog: 3s", "health: {exec: y}", "enabled: false"}) {
        INFO(line);
        CHECK(change("exec: x\n", std::string("exec: x\n") + line + "\n") == Change::restarted);
    }
    CHECK(change("exec: x\n", "exec: y\n") == Change::restarted);
}

TEST_CASE("what tells only initd how to treat it holds at once") {
    for (const char* line :
         {"after: [a]", "before: [a]", "wants: [a]", "requires: [a]", "restart: always",
          "backoff: {initial: 1s}", "start_limit: {burst: 3}", "stop: {timeout: 1s}",
          "critical: true", "limits: {memory: 1M, cpu: 50%, pids: 9}", "log: {console: false}",
          "log: {ring: 64K}", "log: {file: /x}", "ready: {timeout: 3s}"}) {
        INFO(line);
        CHECK(change("exec: x\n", std::string("exec: x\n") + line + "\n") == Change::updated);
    }
}

TEST_CASE("variables count as the program sees them, wherever they are set") {
    const LoadedService plain = loaded("exec: x\n");
    CHECK(compare(plain, {{"A", "1"}}, plain, {{"A", "2"}}) == Change::restarted);
    LoadedService own = loaded("exec: x\nenv: {A: 1}\n");
    CHECK(compare(own, {{"A", "3"}}, own, {{"A", "2"}}) == Change::kept);
    CHECK(compare(plain, {{"A", "1"}}, own, {}) == Change::kept);
    LoadedService from_file = plain;
    from_file.file_environment["B"] = "1";
    CHECK(compare(plain, {}, from_file, {}) == Change::restarted);
}

TEST_CASE("another account or a file that was mended needs a new start") {
    LoadedService one = loaded("exec: x\n");
    LoadedService other = one;
    other.account.user = 7;
    CHECK(compare(one, {}, other, {}) == Change::restarted);
    LoadedService broken = one;
    broken.problem = "web.yaml:1:1: no";
    CHECK(compare(broken, {}, one, {}) == Change::restarted);
}

TEST_CASE("settings of the system that need a boot are named") {
    SystemSettings one;
    SystemSettings other;
    other.hostname = "x";
    other.linger = milliseconds(1);
    other.environment["A"] = "b";
    other.log_listen.port = 17001;
    CHECK(keys_for_next_boot(one, other) == std::vector<std::string>{"hostname", "log_port"});
    CHECK(keys_for_next_boot(one, one).empty());
}
