// Whom a key's user means, and that there is no way back from it.
#include "identity.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

using namespace pipeline;

namespace {

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/bin/bash\napp:x:1000:1001::/home/app:\n";
constexpr std::string_view kGroup = "root:x:0:\nlog:x:50:app\nweb:x:60:\n";

bool contains(const std::vector<std::string>& all, const std::string& text) {
    return std::find(all.begin(), all.end(), text) != all.end();
}

}  // namespace

TEST_CASE("a user is a name or a number, with a group or without") {
    const auto app = account_for("app", kPasswd, kGroup);
    REQUIRE(app.ok());
    CHECK(app->user == 1000);
    CHECK(app->group == 1001);
    CHECK(app->groups == std::vector<gid_t>{50});
    CHECK(account_for("1000", kPasswd, kGroup).value() == app.value());
    CHECK(account_for("app:web", kPasswd, kGroup)->group == 60);
    CHECK(account_for("app:7", kPasswd, kGroup)->group == 7);
    CHECK(account_for("", kPasswd, kGroup)->shell == "/bin/bash");
    CHECK(account_for("nobody", kPasswd, kGroup).error().code == base::ExitCode::config);
    CHECK(account_for("app:none", kPasswd, kGroup).error().code == base::ExitCode::config);
}

TEST_CASE("without the files numbers and root still mean somebody") {
    const auto number = account_for("4242", "", "");
    REQUIRE(number.ok());
    CHECK(number->user == 4242);
    CHECK(number->group == 4242);
    CHECK(number->groups.empty());
    CHECK(account_for("4242:7", "", "")->group == 7);
    CHECK(account_for("", "", "")->user == 0);
    CHECK(account_for("root", "", "")->user == 0);
    CHECK_FALSE(account_for("app", "", "").ok());
}

TEST_CASE("an account brings its variables and its shell") {
    const auto app = account_for("app", kPasswd, kGroup).value();
    const auto variables = account_environment(app, "/opt/app/bin:/bin", "xterm");
    CHECK(contains(variables, "PATH=/opt/app/bin:/bin"));
    CHECK(contains(variables, "HOME=/home/app"));
    CHECK(contains(variables, "USER=app"));
    CHECK(contains(variables, "LOGNAME=app"));
    CHECK(contains(variables, "SHELL=/bin/sh"));
    CHECK(contains(variables, "TERM=xterm"));
    CHECK(login_shell(app).name == "-sh");
    CHECK(login_shell(account_for("root", kPasswd, kGroup).value()).name == "-bash");
    const auto nameless = account_environment(account_for("4242", "", "").value(), "", "");
    CHECK(contains(nameless, "HOME=/"));
    CHECK(nameless[0].starts_with("PATH=/usr/"));
    CHECK(nameless.size() == 3);
}

TEST_CASE("the name of a terminal is only that") {
    for (const char* name : {"xterm", "xterm-256color", "screen.xterm", "vt100+pp"}) {
        CHECK(is_terminal_name(name));
    }
    for (const char* name : {"", "../x", "-x", "a/b", "a b", "x\n"})
        CHECK_FALSE(is_terminal_name(name));
    CHECK_FALSE(is_terminal_name(std::string(65, 'x')));
}

TEST_CASE("who became another user cannot go back") {
    if (::geteuid() != 0) SKIP("needs root");
    const pid_t pid = ::fork();
    if (pid == 0) {
        base::Account account;
        account.user = 4242;
        account.group = 4243;
        account.groups = {4244};
        const bool became = become_for_good(account).ok() && become_for_good(account).ok();
        gid_t groups[4];
        const bool right = ::getuid() == 4242 && ::getegid() == 4243 &&
                           ::getgroups(4, groups) == 1 && groups[0] == 4244;
        const bool back = ::setresuid(0, 0, 0) == 0 || ::setegid(0) == 0;
        base::Account other;
        other.user = 4300;
        ::_exit(became && right && !back && !become_for_good(other).ok() ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
}
