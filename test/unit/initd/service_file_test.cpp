// Service files: every key, and every way to get one wrong.
#include "service_file.h"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>

#include "base/file.h"

#include <sys/resource.h>

using namespace initd;

namespace {

base::Result<ServiceSettings> parse(std::string_view text) {
    return parse_service("web", text, "web.yaml");
}

std::string error_of(std::string_view text) {
    const auto settings = parse(text);
    return settings.ok() ? "no error" : settings.error().message;
}

}  // namespace

TEST_CASE("a full service file is read into settings") {
    const auto settings = parse(R"(
exec: [/usr/bin/app, --port, "8080"]
type: simple
after: [nats]
before: [proxy]
requires: [store]
wants: [metrics]
env: {LANG: C.UTF-8, N: 1}
env_file: /etc/app.env
cwd: /srv
umask: "027"
user: app
group: app
groups: [video]
no_new_privs: false
restart: always
backoff: {initial: 10ms, max: 5s, factor: 3, reset_after: 2min}
start_limit: {burst: 4, interval: 30s}
stop: {signal: INT, timeout: 3s}
limits: {memory: 512M, cpu: 150%, pids: 256, nofile: [1024, 65536], core: 0}
log: {ring: 64K, console: false}
critical: true
sidecar: true
enabled: false
)");
    INFO((settings.ok() ? "" : settings.error().message));
    REQUIRE(settings.ok());
    CHECK(settings->command == std::vector<std::string>{"/usr/bin/app", "--port", "8080"});
    CHECK(settings->links.after == std::vector<std::string>{"nats"});
    CHECK(settings->links.before == std::vector<std::string>{"proxy"});
    CHECK(settings->links.requirements == std::vector<std::string>{"store"});
    CHECK(settings->links.wants == std::vector<std::string>{"metrics"});
    CHECK(settings->environment == Environment{{"LANG", "C.UTF-8"}, {"N", "1"}});
    CHECK(settings->environment_file == "/etc/app.env");
    CHECK(settings->folder == "/srv");
    CHECK(settings->mode_mask == 027);
    CHECK(settings->user == "app");
    CHECK(settings->group == "app");
    CHECK(settings->groups == std::vector<std::string>{"video"});
    CHECK_FALSE(settings->no_new_privileges);
    CHECK(settings->policy.restart == Restart::always);
    CHECK(settings->policy.backoff.initial == milliseconds(10));
    CHECK(settings->policy.backoff.maximum == milliseconds(5000));
    CHECK(settings->policy.backoff.factor == 3);
    CHECK(settings->policy.backoff.reset_after == milliseconds(120'000));
    CHECK(settings->policy.start_limit.burst == 4);
    CHECK(settings->policy.start_limit.interval == milliseconds(30'000));
    CHECK(settings->policy.stop.signal == SIGINT);
    CHECK(settings->policy.stop.timeout == milliseconds(3000));
    CHECK(settings->group_limits.memory_bytes == 512ULL << 20);
    CHECK(settings->group_limits.cpu_percent == 150);
    CHECK(settings->group_limits.tasks == 256);
    REQUIRE(settings->resource_limits.size() == 2);
    CHECK(settings->resource_limits[0].resource == RLIMIT_NOFILE);
    CHECK(settings->resource_limits[0].soft == 1024);
    CHECK(settings->resource_limits[0].hard == 65536);
    CHECK(settings->resource_limits[1].resource == RLIMIT_CORE);
    CHECK(settings->ring_bytes == 64 * 1024);
    CHECK_FALSE(settings->console);
    CHECK(settings->critical);
    CHECK(settings->sidecar);
    CHECK_FALSE(settings->enabled);
}

TEST_CASE("one string is split without a shell, and defaults fit a daemon") {
    const auto settings = parse("exec: /usr/bin/app --name 'a b'\n");
    REQUIRE(settings.ok());
    CHECK(settings->command == std::vector<std::string>{"/usr/bin/app", "--name", "a b"});
    CHECK(settings->policy.restart == Restart::on_failure);
    CHECK(settings->policy.stop.signal == SIGTERM);
    CHECK(settings->no_new_privileges);
    CHECK(settings->enabled);
    CHECK_FALSE(settings->critical);
    CHECK(parse("exec: x\ntype: oneshot\n")->policy.restart == Restart::never);
}

TEST_CASE("errors in a service file name the place") {
    CHECK(error_of("") == "web.yaml:1:1: the key 'exec' is missing");
    CHECK(error_of("exec: x\nrestrat: always\n") ==
          "web.yaml:2:1: unknown key 'restrat', did you mean 'restart'?");
    CHECK(error_of("exec: x\nrestart: sometimes\n").starts_with("web.yaml:2:10: 'sometimes'"));
    CHECK(error_of("exec: []\n") == "web.yaml:1:7: no program is named");
    CHECK(error_of("exec: \"\"\n") == "web.yaml:1:7: no program is named");
    CHECK(error_of("exec: app > log\n").starts_with("web.yaml:1:7: '>' has no meaning here"));
    CHECK(error_of("exec: x\ncwd: srv\n") == "web.yaml:2:6: expected an absolute path");
    CHECK(error_of("exec: x\numask: 9\n").starts_with("web.yaml:2:8: expected an octal mask"));
    CHECK(error_of("exec: x\nstop: {signal: TREM}\n") == "web.yaml:2:16: 'TREM' is not a signal");
    CHECK(error_of("exec: x\nafter: [../x]\n") == "web.yaml:2:9: '../x' is not a service name");
    CHECK(error_of("exec: x\nlimits: {cpu: fast}\n").starts_with("web.yaml:2:15: expected a perc"));
    CHECK(error_of("exec: x\nlimits: {nofile: [9, 3]}\n") ==
          "web.yaml:2:18: the soft limit is above the hard one");
    CHECK(error_of("exec: x\nlog: {ring: 1}\n") == "web.yaml:2:13: expected a size from 4K to 64M");
    CHECK(error_of("exec: x\nenv: {\"A=B\": c}\n") == "web.yaml:2:7: 'A=B' cannot name a variable");
    CHECK(error_of("exec: x\nbackoff: {initial: 5s, max: 1s}\n") ==
          "web.yaml:2:1: the longest delay is shorter than the first");
    CHECK(error_of("exec: x\ntype: oneshot\nrestart: always\n") ==
          "web.yaml:3:10: a oneshot cannot be restarted after it succeeded");
}

TEST_CASE("a service says how it gets ready") {
    const auto fd = parse("exec: x\ntype: ready-fd\nready: {fd: 7, timeout: 3s}\n");
    REQUIRE(fd.ok());
    CHECK(fd->policy.kind == ServiceKind::ready_fd);
    CHECK(fd->ready_descriptor == 7);
    CHECK(fd->policy.ready_timeout == milliseconds(3000));
    CHECK(parse("exec: x\nready: {fd: 4}\n")->policy.kind == ServiceKind::ready_fd);
    CHECK(parse("exec: x\ntype: ready-fd\n")->ready_descriptor == 3);

    const auto notify = parse("exec: x\ntype: notify\nwatchdog: 5s\n");
    REQUIRE(notify.ok());
    CHECK(notify->policy.announces());
    CHECK(notify->policy.watchdog == milliseconds(5000));
    CHECK(notify->policy.ready_timeout == milliseconds(30'000));

    const auto tcp = parse("exec: x\nready: {tcp: \"[::1]:80\"}\n");
    REQUIRE(tcp.ok());
    CHECK(tcp->policy.probed);
    CHECK(tcp->ready_probe.kind == ReadyProbe::Kind::tcp);
    CHECK(tcp->ready_probe.target == "[::1]:80");
    CHECK(parse("exec: x\nready: {unix: /run/x}\n")->ready_probe.kind == ReadyProbe::Kind::local);
    CHECK(parse("exec: x\nready: {file: /run/x}\n")->ready_probe.kind == ReadyProbe::Kind::file);

    CHECK(parse("exec: x\n")->policy.ready_timeout == milliseconds(0));
    CHECK(parse("exec: x\ntype: oneshot\n")->policy.ready_timeout == milliseconds(0));
    CHECK(parse("exec: x\ntype: oneshot\nready: {timeout: 5s}\n")->policy.ready_timeout ==
          milliseconds(5000));
}

TEST_CASE("a health check is a program with a rhythm") {
    const auto settings = parse(
        "exec: x\nhealth: {exec: [/bin/check, a], interval: 1s, timeout: 200ms, retries: 5}\n");
    REQUIRE(settings.ok());
    CHECK(settings->health.command == std::vector<std::string>{"/bin/check", "a"});
    CHECK(settings->health.interval == milliseconds(1000));
    CHECK(settings->health.timeout == milliseconds(200));
    CHECK(settings->health.retries == 5);
    CHECK(parse("exec: x\nhealth: {exec: check it}\n")->health.retries == 3);
    CHECK(error_of("exec: x\nhealth: {}\n") == "web.yaml:2:9: the key 'exec' is missing");
    CHECK(error_of("exec: x\nhealth: {exec: y, interval: 0s}\n") ==
          "web.yaml:2:29: expected at least 10ms");
    CHECK(error_of("exec: x\ntype: oneshot\nhealth: {exec: y}\n") ==
          "web.yaml:3:1: a oneshot is not watched once it is ready");
}

TEST_CASE("errors of readiness name the place") {
    CHECK(error_of("exec: x\nready: {tcp: example.org:80}\n")
              .starts_with("web.yaml:2:14: expected a numeric ADDRESS:PORT"));
    CHECK(error_of("exec: x\nready: {file: x}\n") == "web.yaml:2:15: expected an absolute path");
    CHECK(error_of("exec: x\nready: {fd: 2}\n").starts_with("web.yaml:2:13: "));
    CHECK(error_of("exec: x\nready: {file: /x, unix: /y}\n") ==
          "web.yaml:2:25: one of tcp, unix and file is enough");
    CHECK(error_of("exec: x\ntype: notify\nready: {file: /x}\n") ==
          "web.yaml:3:1: the service says itself when it is ready");
    CHECK(error_of("exec: x\ntype: notify\nready: {fd: 5}\n") ==
          "web.yaml:3:9: only a ready-fd service has a descriptor to say so");
    CHECK(error_of("exec: x\ntype: oneshot\nready: {file: /x}\n") ==
          "web.yaml:3:1: a oneshot is ready when it has ended");
    CHECK(error_of("exec: x\ntype: oneshot\nwatchdog: 3s\n") ==
          "web.yaml:3:1: a oneshot is not watched once it is ready");
    CHECK(error_of("exec: x\nready: {unix: /" + std::string(107, 'x') + "}\n") ==
          "web.yaml:2:15: the path is too long for a socket");
}

TEST_CASE("isolation is read whole") {
    const auto settings = parse(R"(
exec: x
capabilities: [NET_BIND_SERVICE, CAP_SYS_TIME]
seccomp: /etc/app.calls
private_tmp: 16M
read_only_root: true
read_only: [/srv]
writable: [/var/lib/app, "/run/app dir"]
inaccessible: [/etc/shadow]
private_network: true
nice: -5
oom_score_adj: -1000
limits: {cpu_time: [1, 2], rttime: 3, nproc: unlimited}
)");
    INFO((settings.ok() ? "" : settings.error().message));
    REQUIRE(settings.ok());
    const Confinement& confinement = settings->confinement;
    CHECK(confinement.capabilities == (std::uint64_t{1} << 10 | std::uint64_t{1} << 25));
    CHECK(confinement.calls_file == "/etc/app.calls");
    CHECK(confinement.private_tmp);
    CHECK(confinement.tmp_bytes == 16U * 1024 * 1024);
    CHECK(confinement.read_only_root);
    CHECK(confinement.read_only == std::vector<std::string>{"/srv"});
    CHECK(confinement.writable == std::vector<std::string>{"/var/lib/app", "/run/app dir"});
    CHECK(confinement.inaccessible == std::vector<std::string>{"/etc/shadow"});
    CHECK(confinement.private_network);
    CHECK(confinement.nice == -5);
    CHECK(confinement.oom_score_adjustment == -1000);
    REQUIRE(settings->resource_limits.size() == 3);
    CHECK(settings->resource_limits[0] == ResourceLimit{RLIMIT_CPU, 1, 2});
    CHECK(settings->resource_limits[1] == ResourceLimit{RLIMIT_RTTIME, 3, 3});
    CHECK(settings->resource_limits[2] ==
          ResourceLimit{RLIMIT_NPROC, RLIM_INFINITY, RLIM_INFINITY});
}

TEST_CASE("isolation is off unless asked for, and no capability is not the same as any") {
    const auto settings = parse("exec: x\n");
    REQUIRE(settings.ok());
    CHECK(settings->confinement == Confinement{});
    CHECK(parse("exec: x\ncapabilities: []\n")->confinement.capabilities == 0U);
    CHECK_FALSE(parse("exec: x\nprivate_tmp: false\n")->confinement.private_tmp);
    CHECK(parse("exec: x\nprivate_tmp: true\n")->confinement.private_tmp);
}

TEST_CASE("mistakes in isolation name the place") {
    CHECK(error_of("exec: x\ncapabilities: [NET_BIND_SERVIC]\n") ==
          "web.yaml:2:16: 'NET_BIND_SERVIC' is not a capability, did you mean "
          "'NET_BIND_SERVICE'?");
    CHECK(error_of("exec: x\ncapabilities: [net_raw]\n")
              .starts_with("web.yaml:2:16: 'net_raw' is not a capability"));
    CHECK(error_of("exec: x\nread_only: [srv]\n") == "web.yaml:2:13: expected an absolute path");
    CHECK(error_of("exec: x\nwritable: [/a/../b]\n") ==
          "web.yaml:2:12: expected a path without . and ..");
    CHECK(error_of("exec: x\ninaccessible: [//]\n") ==
          "web.yaml:2:16: the root itself is meant by read_only_root");
    CHECK(error_of("exec: x\nprivate_tmp: 12\n") ==
          "web.yaml:2:14: expected true, false, or a size of at least 4K");
    CHECK(error_of("exec: x\nnice: -21\n") == "web.yaml:2:7: expected a number from -20 to 19");
    CHECK(error_of("exec: x\nnice: 1.5\n") == "web.yaml:2:7: expected a number from -20 to 19");
    CHECK(error_of("exec: x\noom_score_adj: 1001\n") ==
          "web.yaml:2:16: expected a number from -1000 to 1000");
    CHECK(error_of("exec: x\nseccomp: calls\n") == "web.yaml:2:10: expected an absolute path");
    CHECK(error_of("exec: x\nseccomp: /calls\nno_new_privs: false\n") ==
          "web.yaml:2:1: seccomp needs no_new_privs");
    std::string many = "exec: x\nread_only: [/a";
    for (std::size_t count = 0; count < Confinement::kMostPaths; ++count)
        many += ", /b";
    CHECK(error_of(many + "]\n") == "web.yaml:2:12: more than 32 paths");
}

TEST_CASE("a log file is rotated by size, and only where there is one") {
    const auto settings = parse("exec: x\nlog: {file: /var/log/x.log, max_size: 1M, files: 3}\n");
    REQUIRE(settings.ok());
    CHECK(settings->log_target == LogTarget{"/var/log/x.log", 1024 * 1024, 3});
    CHECK(parse("exec: x\nlog: {file: /x}\n")->log_target == LogTarget{"/x", 10 * 1024 * 1024, 5});
    CHECK(parse("exec: x\n")->log_target.path.empty());
    CHECK(error_of("exec: x\nlog: {file: x}\n") == "web.yaml:2:13: expected an absolute path");
    CHECK(error_of("exec: x\nlog: {file: /x/}\n") == "web.yaml:2:13: expected the path of a file");
    CHECK(error_of("exec: x\nlog: {file: /x, max_size: 1K}\n") ==
          "web.yaml:2:27: expected a size of at least 64K");
    CHECK(error_of("exec: x\nlog: {file: /x, files: 0}\n").starts_with("web.yaml:2:24: "));
    CHECK(error_of("exec: x\nlog: {ring: 4K, files: 2}\n") ==
          "web.yaml:2:17: there is no file to rotate");
}

TEST_CASE("service names are safe in paths and log lines") {
    CHECK(valid_service_name("web-1.a_B"));
    for (const char* name : {"", ".x", "-x", "a/b", "a b", "a\n", "\xc3\xa9"}) {
        CHECK_FALSE(valid_service_name(name));
    }
    CHECK_FALSE(valid_service_name(std::string(65, 'a')));
}

TEST_CASE("the service vectors are what their folders say") {
    for (const bool good : {true, false}) {
        std::size_t count = 0;
        for (const auto& file : std::filesystem::directory_iterator(
                 std::string(VECTORS) + (good ? "/service/ok" : "/service/bad"))) {
            INFO(file.path());
            const auto text = base::read_file(file.path(), 65536);
            REQUIRE(text.ok());
            CHECK(parse(text.value()).ok() == good);
            ++count;
        }
        CHECK(count >= 3);
    }
}
