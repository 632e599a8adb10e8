// Users and groups from the two files' texts.
#include "accounts.h"

#include <catch2/catch_test_macros.hpp>

using namespace initd;

namespace {

constexpr std::string_view kPasswd =
    "# comment\nroot:x:0:0:root:/root:/bin/sh\nbroken line\nodd:x:abc:1::/:\n"
    "app:x:1000:1001:App:/home/app:/bin/false\nshort:x:5\n";
constexpr std::string_view kGroup =
    "root:x:0:\nappgroup:x:1001:\naudio:x:29:app,other\nvideo:x:44:other\nlog:x:50:app\n";

base::Result<Account> resolve(const char* user, const char* group = "",
                              std::optional<std::vector<std::string>> groups = std::nullopt) {
    ServiceSettings settings;
    settings.user = user;
    settings.group = group;
    settings.groups = std::move(groups);
    return resolve_account(settings, kPasswd, kGroup);
}

}  // namespace

TEST_CASE("a name brings its primary group, home and supplementary groups") {
    const auto account = resolve("app");
    REQUIRE(account.ok());
    CHECK(account->user == 1000);
    CHECK(account->group == 1001);
    CHECK(account->home == "/home/app");
    CHECK(account->groups == std::vector<gid_t>{29, 50});
}

TEST_CASE("a number finds its entry, or needs a group when there is none") {
    CHECK(resolve("1000")->name == "app");
    CHECK(resolve("4242").error().message ==
          "user 4242 is not in /etc/passwd, so 'group' must be given");
    const auto account = resolve("4242", "29");
    REQUIRE(account.ok());
    CHECK(account->user == 4242);
    CHECK(account->group == 29);
}

TEST_CASE("groups given replace those of the file") {
    CHECK(resolve("app", "", std::vector<std::string>{})->groups.empty());
    CHECK(resolve("app", "", std::vector<std::string>{"video", "7"})->groups ==
          std::vector<gid_t>{44, 7});
    CHECK(resolve("app", "video")->group == 44);
}

TEST_CASE("names that are not there are errors, never root") {
    CHECK(resolve("nobody").error().message == "user 'nobody' is not in /etc/passwd");
    CHECK(resolve("app", "nogroup").error().message == "group 'nogroup' is not in /etc/group");
    CHECK_FALSE(resolve("odd").ok());
    CHECK_FALSE(resolve("short").ok());
    CHECK_FALSE(resolve("app", "", std::vector<std::string>{"nogroup"}).ok());
}

TEST_CASE("without a user it is root, also without any file") {
    CHECK(resolve("")->user == 0);
    const auto account = resolve_account(ServiceSettings{}, "", "");
    REQUIRE(account.ok());
    CHECK(account->user == 0);
    CHECK(account->groups.empty());
}
