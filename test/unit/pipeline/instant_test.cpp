// Times of day and days, and everything that only looks like one.
#include "instant.h"

#include <catch2/catch_test_macros.hpp>

using namespace pipeline;

TEST_CASE("a time is read to the second and written back") {
    const auto instant = parse_instant("2027-01-31T18:05:09Z");
    REQUIRE(instant);
    CHECK(instant->time_since_epoch() == std::chrono::seconds(1'801'418'709));
    CHECK(format_instant(*instant) == "2027-01-31T18:05:09.000Z");
    CHECK(format_instant(*instant + std::chrono::milliseconds(7)) == "2027-01-31T18:05:09.007Z");
}

TEST_CASE("a date is the first moment of its day") {
    CHECK(parse_instant("2027-01-31") == parse_instant("2027-01-31T00:00:00Z"));
    CHECK(parse_instant("1970-01-01")->time_since_epoch().count() == 0);
    CHECK(parse_instant("2028-02-29").has_value());
}

TEST_CASE("what is no time in UTC is refused") {
    for (const char* text : {"",
                             "2027",
                             "2027-13-01",
                             "2027-00-01",
                             "2027-02-29",
                             "2027-02-30",
                             "2027-1-1",
                             "2027-01-31T24:00:00Z",
                             "2027-01-31T23:60:00Z",
                             "2027-01-31T23:59:60Z",
                             "2027-01-31T00:00:00",
                             "2027-01-31T00:00:00+",
                             "2027-01-31 00:00:00Z",
                             "2027-01-31t00:00:00Z",
                             "2027-01-31T00:00:00z",
                             "+027-01-31",
                             "1969-12-31",
                             "2027/01/31",
                             "2027-01-31T0a:00:00Z",
                             " 2027-01-31",
                             "2027-01-31T00:00:00.5Z"}) {
        INFO(text);
        CHECK_FALSE(parse_instant(text).has_value());
    }
}
