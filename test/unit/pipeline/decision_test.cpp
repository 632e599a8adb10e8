// Every operation against every option.
#include "decision.h"

#include <array>
#include <catch2/catch_test_macros.hpp>

using namespace pipeline;
using std::chrono::milliseconds;

namespace {

const std::string kFingerprint = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

AuthorizedKey key_of(const std::string& options) {
    const auto keys = parse_authorized_keys(options + " " + kFingerprint, "keys");
    if (!keys.ok()) FAIL(options << ": " << keys.error().message);
    return keys->front();
}

// A request that a key without options is granted.
Asked asked_for(Operation operation) {
    Asked asked;
    asked.operation = operation;
    if (operation == Operation::run) asked.command = "id -u";
    if (operation == Operation::forward || operation == Operation::listen) {
        asked.address = vsockio::parse_address("tcp:127.0.0.1:8080").value();
    }
    return asked;
}

Circumstances at_noon() {
    return {*parse_instant("2026-06-01T12:00:00Z"), 3U, 0};
}

// "" when granted, else the option that decided.
std::string decided_by(const AuthorizedKey& key, const Asked& asked,
                       const Circumstances& circumstances = at_noon()) {
    const Decision decision = decide(key, asked, circumstances);
    const Refused* refused = std::get_if<Refused>(&decision);
    if (refused != nullptr) CHECK_FALSE(refused->reason.empty());
    return refused == nullptr ? "" : refused->option;
}

Granted granted(const AuthorizedKey& key, const Asked& asked,
                const Circumstances& circumstances = at_noon()) {
    const Decision decision = decide(key, asked, circumstances);
    const Granted* found = std::get_if<Granted>(&decision);
    if (found == nullptr) FAIL(std::get<Refused>(decision).reason);
    return *found;
}

// One row for each operation, in the order of kOperations.
using Row = std::array<std::string, std::size(kOperations)>;

void check_row(const std::string& options, const Row& expected) {
    const AuthorizedKey key = options.empty() ? key_of("user=root") : key_of(options);
    for (std::size_t index = 0; index < expected.size(); ++index) {
        INFO(options << ": " << operation_name(kOperations[index]));
        CHECK(decided_by(key, asked_for(kOperations[index])) == expected[index]);
    }
}

}  // namespace

TEST_CASE("each option holds each operation") {
    const std::string no = "allow", cmd = "command", op = "permit-open", li = "permit-listen";
    // clang-format off
    //                           run  shell jobs  put   get     fwd  listen control info
    check_row("",               {"",  "",   "",   "",   "",     "",  "",    "",     ""});
    check_row("allow=run",      {"",  no,   "",   no,   no,     no,  no,    no,     no});
    check_row("allow=shell",    {no,  "",   no,   no,   no,     no,  no,    no,     no});
    check_row("allow=copy",     {no,  no,   no,   "",   "",     no,  no,    no,     no});
    check_row("allow=forward",  {no,  no,   no,   no,   no,     "",  "",    no,     no});
    check_row("allow=control",  {no,  no,   no,   no,   no,     no,  no,    "",     no});
    check_row("allow=info",     {no,  no,   no,   no,   no,     no,  no,    no,     ""});
    check_row("path=/data",     {no,  no,   no,   "",   "",     no,  no,    no,     ""});
    check_row("command=x",      {"",  "",   "",   cmd,  cmd,    cmd, cmd,   cmd,    ""});
    check_row("command=x,allow=run",
                                {"",  no,   "",   no,   no,     no,  no,    no,     no});
    check_row("command=x,allow=shell+copy",
                                {no,  "",   no,   cmd,  cmd,    no,  no,    no,     no});
    check_row("permit-open=tcp:127.0.0.1:8080",
                                {"",  "",   "",   "",   "",     "",  li,    "",     ""});
    check_row("permit-listen=tcp:127.0.0.1:*",
                                {"",  "",   "",   "",   "",     op,  "",    "",     ""});
    check_row("permit-open=tcp:127.0.0.1:80",
                                {"",  "",   "",   "",   "",     op,  li,    "",     ""});
    check_row("max-time=1h",    {"",  "",   "",   "",   "",     "",  "",    "",     ""});
    // clang-format on
}

TEST_CASE("who, when and how often hold every operation alike") {
    struct Case {
        std::string options;
        Circumstances circumstances;
        std::string option;
    };
    const Instant now = at_noon().now;
    const std::vector<Case> cases = {
        {"expires=2026-06-01T12:00:01Z", {now, 3U, 0}, ""},
        {"expires=2026-06-01T12:00:00Z", {now, 3U, 0}, "expires"},
        {"expires=2026-06-01", {now, 3U, 0}, "expires"},
        {"from-cid=3", {now, 3U, 0}, ""},
        {"from-cid=4,from-cid=3", {now, 3U, 0}, ""},
        {"from-cid=4", {now, 3U, 0}, "from-cid"},
        {"from-cid=0", {now, std::nullopt, 0}, "from-cid"},
        {"max-sessions=2", {now, 3U, 1}, ""},
        {"max-sessions=2", {now, 3U, 2}, "max-sessions"},
        {"max-sessions=2", {now, 3U, 9}, "max-sessions"},
    };
    for (const Case& each : cases) {
        const AuthorizedKey key = key_of(each.options);
        for (const Operation operation : kOperations) {
            INFO(each.options << ": " << operation_name(operation));
            CHECK(decided_by(key, asked_for(operation), each.circumstances) == each.option);
        }
        const auto refused = refuse_connection(key, each.circumstances);
        CHECK((refused ? refused->option : "") == each.option);
    }
}

TEST_CASE("a forced command runs whatever was asked for, and is told what that was") {
    const AuthorizedKey key = key_of("command=\"backup --all\",environment=MODE=full");
    const Granted run = granted(key, asked_for(Operation::run));
    CHECK(run.command == "backup --all");
    CHECK(run.environment ==
          std::vector<std::string>{"MODE=full", "PIPELINE_ORIGINAL_COMMAND=id -u"});
    const Granted shell = granted(key, asked_for(Operation::shell));
    CHECK(shell.command == "backup --all");
    CHECK(shell.environment == std::vector<std::string>{"MODE=full"});
    CHECK_FALSE(granted(key, asked_for(Operation::jobs)).command.has_value());
}

TEST_CASE("what comes along cannot bend a forced command") {
    const AuthorizedKey key = key_of("command=backup");
    for (const Operation operation : {Operation::run, Operation::shell}) {
        Asked asked = asked_for(operation);
        asked.environment = {"LD_PRELOAD=/tmp/mine.so"};
        CHECK(decided_by(key, asked) == "command");
        asked.environment = {"PIPELINE_ORIGINAL_COMMAND=x"};
        CHECK(decided_by(key, asked) == "command");
        asked.environment.clear();
        asked.folder = "/tmp";
        CHECK(decided_by(key, asked) == "command");
    }
    Asked odd = asked_for(Operation::run);
    odd.command = std::string("a\0b", 3);
    CHECK(granted(key, odd).environment == std::vector<std::string>{"PIPELINE_ORIGINAL_COMMAND=a"});
    odd.command = std::string(1 << 20, 'x');
    CHECK(granted(key, odd).environment.at(0).size() < 20'000);
}

TEST_CASE("the key's user is the only one it has") {
    const AuthorizedKey key = key_of("user=app");
    Asked asked = asked_for(Operation::run);
    CHECK(granted(key, asked).user == "app");
    asked.user = "app";
    CHECK(granted(key, asked).user == "app");
    for (const char* other : {"root", "0", "app:root", "App"}) {
        for (const Operation operation : kOperations) {
            Asked another = asked_for(operation);
            another.user = other;
            CHECK(decided_by(key, another) == "user");
        }
    }
    asked.user = "nobody";
    CHECK(granted(key_of("max-sessions=9"), asked).user == "nobody");
    CHECK(granted(key_of("max-sessions=9"), asked_for(Operation::shell)).user.empty());
}

TEST_CASE("the key's variables win over those asked for") {
    const AuthorizedKey key = key_of("environment=LANG=C,environment=MODE=full");
    Asked asked = asked_for(Operation::run);
    asked.environment = {"MODE=less", "A=1"};
    CHECK(granted(key, asked).environment ==
          std::vector<std::string>{"MODE=full", "A=1", "LANG=C"});
    asked.environment = {"no variable"};
    CHECK(decided_by(key, asked) == "environment");
    asked.environment.assign(1000, "A=1");
    CHECK(decided_by(key, asked) == "environment");
}

TEST_CASE("time is the least of what was asked, what the key has and what is left of it") {
    Asked asked = asked_for(Operation::run);
    CHECK_FALSE(granted(key_of("user=a"), asked).time.has_value());
    CHECK(granted(key_of("max-time=1h"), asked).time == std::chrono::hours(1));
    CHECK(granted(key_of("expires=2026-06-01T12:00:10Z,max-time=1h"), asked).time ==
          std::chrono::seconds(10));
    asked.timeout = std::chrono::seconds(5);
    for (const char* options : {"max-time=1h", "user=a", "expires=2027-01-01"}) {
        CHECK(granted(key_of(options), asked).time == std::chrono::seconds(5));
    }
    asked.timeout = std::chrono::hours(2);
    for (const Operation operation : kOperations) {
        Asked another = asked_for(operation);
        another.timeout = std::chrono::hours(2);
        CHECK(granted(key_of("max-time=1h"), another).time == std::chrono::hours(1));
    }
}

TEST_CASE("copies know their folders") {
    const AuthorizedKey key = key_of("path=/data,path=/srv/in");
    for (const Operation operation : {Operation::put, Operation::get}) {
        CHECK(granted(key, asked_for(operation)).folders ==
              std::vector<std::string>{"/data", "/srv/in"});
    }
}

TEST_CASE("forwards reach what is named, and by default neither sockets nor the host") {
    const auto open = [](const std::string& options, const char* address,
                         Operation operation = Operation::forward) {
        Asked asked;
        asked.operation = operation;
        asked.address = vsockio::parse_address(address).value();
        return decided_by(key_of(options), asked);
    };
    const auto listen = [&](const std::string& options, const char* address) {
        return open(options, address, Operation::listen);
    };
    CHECK(open("allow=forward", "tcp:10.1.2.3:80") == "");
    CHECK(open("allow=forward", "tcp:name:80") == "");
    // initd's control socket is behind allow=control, not behind a forward.
    for (const char* address : {"unix:/run/initd.sock", "unix:@x", "vsock:3:9000", "fd:3",
                                "udp:127.0.0.1:53", "muxed:/run/x:5"}) {
        INFO(address);
        CHECK(open("allow=forward", address) == "permit-open");
        CHECK(listen("allow=forward", address) == "permit-listen");
    }
    CHECK(listen("allow=forward", "tcp:127.0.0.1:0") == "");
    CHECK(listen("allow=forward", "tcp:[::1]:80") == "");
    for (const char* address : {"tcp:0.0.0.0:80", "tcp:[::]:80", "tcp:localhost:80"}) {
        CHECK(listen("allow=forward", address) == "permit-listen");
        CHECK(listen("permit-listen=tcp:0.0.0.0:80,permit-listen=tcp:[::]:*,"
                     "permit-listen=tcp:localhost:*",
                     address) == "");
    }
    CHECK(open("permit-open=unix:/run/app.sock", "unix:/run/app.sock") == "");
    CHECK(open("permit-open=unix:/run/app.sock", "tcp:127.0.0.1:80") == "permit-open");
    CHECK(open("permit-open=tcp:127.0.0.1:*", "tcp:127.0.0.1:80") == "");
    CHECK(open("permit-open=tcp:127.0.0.1:*", "tcp:127.0.0.2:80") == "permit-open");
    Asked nothing;
    nothing.operation = Operation::forward;
    CHECK(decided_by(key_of("allow=forward"), nothing) == "permit-open");
}
