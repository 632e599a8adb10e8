// Errors as values: wording, exit codes, and the way up.
#include "base/result.h"

#include <catch2/catch_test_macros.hpp>
#include <memory>

using base::Error;
using base::ExitCode;
using base::Result;

namespace {

Result<std::unique_ptr<int>> make(bool works) {
    if (!works) return Error(ExitCode::temporary, "no integer today", "come back");
    return std::make_unique<int>(5);
}

Result<void> check(bool works) {
    if (!works) return Error::data("unchecked");
    return {};
}

Result<int> sum(bool makes, bool checks) {
    const auto number = TRY(make(makes));
    TRY(check(checks));
    return *number + 1;
}

}  // namespace

TEST_CASE("TRY gives the value or passes the error up unchanged") {
    CHECK(sum(true, true).value() == 6);
    const auto first = sum(false, true);
    REQUIRE_FALSE(first.ok());
    CHECK(first.error().code == ExitCode::temporary);
    CHECK(first.error().message == "no integer today");
    CHECK(first.error().hint == "come back");
    CHECK(sum(true, false).error().message == "unchecked");
}

TEST_CASE("a system error says what, on what, and why") {
    const Error missing = Error::system("open", "/a\nb", ENOENT);
    CHECK(missing.message == "cannot open '/a\\x0ab': No such file or directory");
    CHECK(missing.code == ExitCode::no_input);
    CHECK(missing.errno_value == ENOENT);
    CHECK(Error::system("fork", "", EAGAIN).message ==
          "cannot fork: Resource temporarily unavailable");
}

TEST_CASE("the exit code of a system error follows its kind") {
    CHECK(Error::system("x", "", EACCES).code == ExitCode::refused);
    CHECK(Error::system("x", "", ECONNREFUSED).code == ExitCode::unavailable);
    CHECK(Error::system("x", "", ETIMEDOUT).code == ExitCode::unavailable);
    CHECK(Error::system("x", "", ENOSPC).code == ExitCode::io);
    CHECK(Error::system("x", "", EBUSY).code == ExitCode::temporary);
    CHECK(Error::system("x", "", EINVAL).code == ExitCode::os);
}

TEST_CASE("an error can be told its place and a hint") {
    const Error error = Error::data("bad").at("file:3").with_hint("look there");
    CHECK(error.message == "file:3: bad");
    CHECK(error.hint == "look there");
    CHECK(error.code == ExitCode::data);
    CHECK(Error::usage("wrong").hint == "try --help");
}
