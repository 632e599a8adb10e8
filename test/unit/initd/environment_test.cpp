// Variables: the file format, the layers, and the legacy files.
#include "environment.h"

#include <catch2/catch_test_macros.hpp>

using namespace initd;

TEST_CASE("an environment file has one KEY=VALUE per line") {
    const auto file =
        parse_environment_file("# c\nA=1\n  B = x y \nC=\"q u\"\nD='s'\nE=\n\nF=a=b\n", "e");
    REQUIRE(file.ok());
    CHECK(file->at("A") == "1");
    CHECK(file->at("C") == "q u");
    CHECK(file->at("D") == "s");
    CHECK(file->at("E").empty());
    CHECK(file->at("F") == "a=b");
    CHECK(parse_environment_file("A=1\nnonsense\n", "/etc/e").error().message ==
          "/etc/e:2:1: expected KEY=VALUE");
    CHECK_FALSE(parse_environment_file("=x\n", "e").ok());
    CHECK_FALSE(parse_environment_file(std::string_view("A=\0\n", 4), "e").ok());
}

TEST_CASE("later layers win and the account gives defaults") {
    Account account;
    account.name = "app";
    account.home = "/home/app";
    const auto composed =
        compose_environment(account, {{"A", "common"}, {"B", "common"}},
                            {{"B", "file"}, {"C", "file"}}, {{"C", "own"}, {"HOME", "/elsewhere"}});
    CHECK(composed == std::vector<std::string>{
                          "A=common", "B=file", "C=own", "HOME=/elsewhere", "LOGNAME=app",
                          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                          "USER=app"});
}

TEST_CASE("the legacy files are one word or variable per line") {
    const ServiceSettings service =
        legacy_service("/bin/app\n--name\n\na b\n", "A=1\nbad\nB=x=y\n");
    CHECK(service.command == std::vector<std::string>{"/bin/app", "--name", "", "a b"});
    CHECK(service.environment == Environment{{"A", "1"}, {"B", "x=y"}});
    CHECK(service.critical);
    CHECK(legacy_service("", "").command.empty());
    CHECK(legacy_service("/bin/app", "").command.size() == 1);
}
