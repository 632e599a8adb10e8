// Log lines: nothing that is logged can forge a field or a line.
#include "base/log.h"

#include <catch2/catch_test_macros.hpp>

using base::log::Format;
using base::log::Level;

namespace {

std::string line(Format format, std::string_view message, std::string_view value) {
    return base::log::format_line(format, "2026-01-02T03:04:05.678Z", Level::warning, "tool", 42,
                                  message, {{"count", 7}, {"name", value}});
}

}  // namespace

TEST_CASE("a line begins with the fixed keys and goes on with the event's own") {
    CHECK(line(Format::logfmt, "started", "x") ==
          "ts=2026-01-02T03:04:05.678Z level=warning tool=tool pid=42 msg=started count=7 name=x");
    CHECK(line(Format::json, "started", "x") ==
          "{\"ts\":\"2026-01-02T03:04:05.678Z\",\"level\":\"warning\",\"tool\":\"tool\","
          "\"pid\":\"42\",\"msg\":\"started\",\"count\":\"7\",\"name\":\"x\"}");
}

TEST_CASE("logfmt values are quoted when they are not plain") {
    CHECK(line(Format::logfmt, "two words", "").ends_with(" msg=\"two words\" count=7 name=\"\""));
    CHECK(line(Format::logfmt, "m", "a=b").ends_with("name=\"a=b\""));
    CHECK(line(Format::logfmt, "m", "a\"b\\c").ends_with("name=\"a\\\"b\\\\c\""));
}

TEST_CASE("control characters and foreign bytes are escaped in both forms") {
    const std::string_view evil = "x\nts=0 level=error\x1b[2J\xff";
    CHECK(
        line(Format::logfmt, "m", evil).ends_with("name=\"x\\x0ats=0 level=error\\x1b[2J\\xff\""));
    CHECK(line(Format::json, "m", evil)
              .ends_with("\"name\":\"x\\u000ats=0 level=error\\u001b[2J\\u00ff\"}"));
    CHECK(line(Format::logfmt, evil, "").find('\n') == std::string::npos);
}

TEST_CASE("a log format is logfmt or json") {
    CHECK(base::log::parse_format("logfmt").value() == Format::logfmt);
    CHECK(base::log::parse_format("json").value() == Format::json);
    CHECK(base::log::parse_format("xml").error().code == base::ExitCode::usage);
}
