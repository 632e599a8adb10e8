// Tables for people.
#include "output.h"

#include <catch2/catch_test_macros.hpp>

using namespace initctl;

TEST_CASE("columns are aligned, numbers to the right, and nothing stands behind the last") {
    CHECK(format_table({"NAME", "PID", "END"},
                       {{{"web"}, {"12", Colour::none, true}, {""}},
                        {{"longer"}, {"4711", Colour::none, true}, {"exited 1"}}},
                       false) ==
          "NAME     PID  END\n"
          "web       12\n"
          "longer  4711  exited 1\n");
}

TEST_CASE("a table without rows is its head") {
    CHECK(format_table({"A", "B"}, {}, true) == "A  B\n");
}

TEST_CASE("what comes from outside cannot steer the terminal") {
    const std::string table = format_table({"NAME"}, {{{"a\x1b[2Jb\nc"}}}, false);
    CHECK(table.find('\x1b') == std::string::npos);
    CHECK(table.find("\nc") == std::string::npos);
    CHECK(without_controls("a\x1b[2J\tb\n") == "a?[2J\tb\n");
}

TEST_CASE("colour does not move columns and appears only when wanted") {
    const std::vector<std::vector<Cell>> rows = {{{"failed", colour_of("failed")}, {"x"}}};
    CHECK(format_table({"STATE", "Y"}, rows, true) == "STATE   Y\n\x1b[31mfailed\x1b[0m  x\n");
    CHECK(format_table({"STATE", "Y"}, rows, false) == "STATE   Y\nfailed  x\n");
}
