// Variables: what is one, how many, and who wins.
#include "environment.h"

#include <catch2/catch_test_macros.hpp>

using namespace pipeline;

TEST_CASE("a variable has a name that a shell can hold") {
    CHECK(problem_with_variable("A=") == "");
    CHECK(problem_with_variable("_x9=a=b\n") == "");
    for (const char* text : {"", "A", "=x", "9A=1", "A B=1", "A-B=1", "\xC3\x84=1"}) {
        INFO(text);
        CHECK(problem_with_variable(text) != "");
    }
    CHECK(problem_with_variable(std::string_view("A=\0b", 4)) != "");
    CHECK(problem_with_variable("A=" + std::string(kMaxVariableBytes, 'x')) != "");
}

TEST_CASE("their number and their bytes have an end") {
    const std::vector<std::string> many(kMaxVariables, "A=1");
    CHECK(problem_with_environment(many) == "");
    std::vector<std::string> one_more = many;
    one_more.push_back("A=1");
    CHECK(problem_with_environment(one_more) == "more than 256 variables");
    const std::vector<std::string> large(9, "A=" + std::string(30'000, 'x'));
    CHECK(problem_with_environment(large) == "more than 262144 bytes of variables");
    CHECK(problem_with_environment({"A=1", "B"}) == "'B': expected KEY=VALUE");
}

TEST_CASE("a later variable replaces an earlier one of its name") {
    CHECK(merge_environment({"A=1", "B=2", "A=3"}, {"C=4", "B=5"}) ==
          std::vector<std::string>{"A=3", "B=5", "C=4"});
    CHECK(merge_environment({}, {"A=1", "A=2"}) == std::vector<std::string>{"A=2"});
}
