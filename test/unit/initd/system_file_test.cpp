// initd.yaml: every key and its mistakes.
#include "system_file.h"

#include <catch2/catch_test_macros.hpp>

#include <sys/resource.h>

using namespace initd;

namespace {

std::string error_of(std::string_view text) {
    const auto settings = parse_system(text, "i.yaml");
    return settings.ok() ? "no error" : settings.error().message;
}

}  // namespace

TEST_CASE("a full system file is read into settings") {
    const auto settings = parse_system(R"(
hostname: enclave-1
env: {TZ: UTC}
heartbeat: required
heartbeat_timeout: 2s
entropy: required
clock: required
sysctl: {net.core.somaxconn: 4096, vm/overcommit_memory: 1}
rlimits: {nofile: 65536, core: unlimited}
tmp: {size: 64M, noexec: true}
log: {ring: 1M, console: false}
log_port: 17001
status_port: unix:/run/status
on_exit: stay
poweroff_by: power
shutdown_timeout: 1min
linger: 0
)",
                                       "i.yaml");
    INFO((settings.ok() ? "" : settings.error().message));
    REQUIRE(settings.ok());
    CHECK(settings->hostname == "enclave-1");
    CHECK(settings->environment == Environment{{"TZ", "UTC"}});
    CHECK(settings->heartbeat == Demand::required);
    CHECK(settings->heartbeat_timeout == milliseconds(2000));
    CHECK(settings->entropy == Demand::required);
    CHECK(settings->clock == Demand::required);
    REQUIRE(settings->sysctl.size() == 2);
    CHECK(settings->sysctl[0].second == "4096");
    REQUIRE(settings->resource_limits.size() == 2);
    CHECK(settings->resource_limits[1].resource == RLIMIT_CORE);
    CHECK(settings->resource_limits[1].soft == RLIM_INFINITY);
    CHECK(settings->tmp_bytes == 64ULL << 20);
    CHECK(settings->tmp_noexec);
    CHECK(settings->ring_bytes == 1 << 20);
    CHECK_FALSE(settings->console);
    CHECK(settings->log_listen.port == 17001);
    CHECK(settings->status_listen.path == "/run/status");
    CHECK(settings->on_exit == EndAction::stay);
    CHECK(settings->poweroff_by == PoweroffBy::power);
    CHECK(settings->shutdown_timeout == milliseconds(60'000));
    CHECK(settings->linger == milliseconds(0));
}

TEST_CASE("lines of the log are text unless JSON is asked for") {
    CHECK(parse_system("", "i.yaml")->log_format == LineFormat::text);
    CHECK(parse_system("log: {format: json}\n", "i.yaml")->log_format == LineFormat::json);
    CHECK_FALSE(parse_system("log: {format: xml}\n", "i.yaml").ok());
}

TEST_CASE("an empty file gives defaults that open nothing to the host") {
    const auto settings = parse_system("", "i.yaml");
    REQUIRE(settings.ok());
    CHECK_FALSE(settings->log_listen.configured());
    CHECK_FALSE(settings->status_listen.configured());
    CHECK(settings->heartbeat == Demand::tried);
    CHECK(settings->on_exit == EndAction::poweroff);
}

TEST_CASE("errors in a system file name the place") {
    CHECK(error_of("hostnme: x\n") ==
          "i.yaml:1:1: unknown key 'hostnme', did you mean 'hostname'?");
    CHECK(error_of("hostname: a/b\n") == "i.yaml:1:11: 'a/b' is not a host name");
    CHECK(error_of("heartbeat: on\n").starts_with("i.yaml:1:12: 'on' is not one of off, tried"));
    CHECK(error_of("rlimits: {nofiles: 1}\n") ==
          "i.yaml:1:11: unknown key 'nofiles', did you mean 'nofile'?");
    CHECK(error_of("log_port: 0\n") == "i.yaml:1:11: expected a vsock port or unix:/PATH");
    CHECK(error_of("status_port: tcp:1.2.3.4:5\n").starts_with("i.yaml:1:14: expected a vsock"));
    for (const char* name : {"/etc/passwd", "../x", "a/../../b", ".x"}) {
        INFO(name);
        CHECK(
            error_of(std::string("sysctl: {\"") + name + "\": 1}\n").find("is not a sysctl name") !=
            std::string::npos);
    }
}
