// Differences of JSON by path, and the limit of a report.
#include "difference.h"

#include <catch2/catch_test_macros.hpp>

namespace {

std::string compare(std::string_view left, std::string_view right) {
    eif::Report report(0);
    eif::compare_json(report, "m", "", codec::json::parse(left).value(),
                      codec::json::parse(right).value());
    return report.to_text();
}

}  // namespace

TEST_CASE("JSON differences carry their path") {
    CHECK(compare(R"({"a":{"b":[1,2]}})", R"({"a":{"b":[1,3]}})") == "m: a.b[1]: 2 | 3\n");
    CHECK(compare(R"({"a":1})", R"({"b":1})") == "m: a: 1 | (absent)\nm: b: (absent) | 1\n");
    CHECK(compare(R"({"a":[1]})", R"({"a":[1,2]})") == "m: a[1]: (absent) | 2\n");
    CHECK(compare(R"({"a":1})", R"({"a":1})").empty());
}

TEST_CASE("the order of keys is a difference when it is the only one") {
    CHECK(compare(R"({"a":1,"b":2})", R"({"b":2,"a":1})").find("order of keys") !=
          std::string::npos);
}

TEST_CASE("a report counts beyond its limit") {
    eif::Report report(1);
    report.compare("s", "", "f", "1", "2");
    report.compare("s", "", "g", "1", "2");
    report.compare("s", "", "h", "1", "1");
    CHECK(report.count() == 2);
    CHECK(report.to_text() == "s: f: 1 | 2\nand 1 more\n");
}
