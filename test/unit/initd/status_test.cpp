// What the host reads.
#include "status.h"

#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <csignal>

using namespace initd;

TEST_CASE("status lines have the shape that hosts know") {
    CHECK(running_line() == "{ \"status\": \"running\" }\n");
    CHECK(ending_line({Ending::How::exited, 3, Step::none}, "web") ==
          "{ \"status\": \"exited\", \"code\": 3 }\n");
    CHECK(ending_line({Ending::How::signaled, SIGTERM, Step::none}, "web") ==
          "{ \"status\": \"signaled\", \"signal\": 15, \"name\": \"SIGTERM\" }\n");
    CHECK(ending_line({Ending::How::cannot_start, ENOENT, Step::exec}, "web") ==
          "{ \"status\": \"fatal\", \"error\": \"service web cannot start: No such file or "
          "directory (step exec)\" }\n");
}

TEST_CASE("an error text cannot break out of its line") {
    CHECK(fatal_line("a \"b\"\\\n\x01\xff") ==
          "{ \"status\": \"fatal\", \"error\": \"a \\\"b\\\"\\\\\\u000a\\u0001\\u00ff\" }\n");
    CHECK(fatal_line(std::string(10'000, '\n')).size() < 1024);
}

TEST_CASE("the end line is parseable") {
    End end;
    end.reason = "critical-failed";
    end.service = "web";
    end.status = 42;
    end.detail = "exited with \"code\" 42";
    CHECK(end_line(end) ==
          "initd: end reason=critical-failed action=poweroff status=42 service=web "
          "detail=\"exited with \\\"code\\\" 42\"");
    CHECK(end_line({.action = EndAction::halt, .reason = "signal"}) ==
          "initd: end reason=signal action=halt status=0");
}
