// Splitting as a shell would, without one.
#include "words.h"

#include <catch2/catch_test_macros.hpp>

using initd::split_words;
using Words = std::vector<std::string>;

namespace {

Words words(std::string_view line) {
    auto split = split_words(line);
    REQUIRE(split.ok());
    return std::move(split).value();
}

}  // namespace

TEST_CASE("quotes and backslashes mean what a shell takes them for") {
    CHECK(words("a b  c\t d\n") == Words{"a", "b", "c", "d"});
    CHECK(words("a 'b c' \"d e\"") == Words{"a", "b c", "d e"});
    CHECK(words("a\\ b") == Words{"a b"});
    CHECK(words("x'y'\"z\"") == Words{"xyz"});
    CHECK(words("'' \"\"") == Words{"", ""});
    CHECK(words("'a\\b'") == Words{"a\\b"});
    CHECK(words("\"a\\b\\\"c\\\\\"") == Words{"a\\b\"c\\"});
    CHECK(words("'$HOME' \\$HOME \"\\$HOME\"") == Words{"$HOME", "$HOME", "$HOME"});
    CHECK(words("--port=80 a#b a~b") == Words{"--port=80", "a#b", "a~b"});
    CHECK(words("").empty());
    CHECK(words("  \n").empty());
}

TEST_CASE("what only a shell can do is refused") {
    for (const char* line : {"a > b", "a | b", "a && b", "a; b", "echo $HOME", "echo \"$HOME\"",
                             "ls *.txt", "a `b`", "(a)", "a #comment", "~/bin/x", "a {b,c}"}) {
        INFO(line);
        CHECK_FALSE(split_words(line).ok());
    }
}

TEST_CASE("what is not closed is refused") {
    CHECK(split_words("a 'b").error().message == "a quotation mark is not closed");
    CHECK(split_words("a \"b").error().message == "a quotation mark is not closed");
    CHECK(split_words("a \\").error().message == "ends with a backslash");
}
