// The JSON reader's strictness beyond cJSON, and what the writer writes.
#include "codec/json.h"

#include <catch2/catch_test_macros.hpp>

using codec::json::parse;
using codec::json::Value;
using codec::json::write;

TEST_CASE("every kind of value survives reading and writing") {
    const std::string_view text =
        R"({"a":[1,-2,0.5,true,false,null],"b":{"":"x"},"c":"\"\\\n\u0001é","d":[],"e":{}})";
    CHECK(write(parse(text).value()) == text);
}

TEST_CASE("members keep their order and are found by key") {
    const Value value = parse(R"( {"z": 1, "a": "two", "m": [3]} )").value();
    CHECK((*value.as_object())[0].key == "z");
    CHECK(value.find("z")->as_integer() == 1);
    CHECK(value.find("a")->as_text() == "two");
    CHECK(value.find("m")->as_array()->size() == 1);
    CHECK(value.find("q") == nullptr);
    CHECK_FALSE(value.find("z")->as_text().has_value());
}

TEST_CASE("the writer indents on request and replaces bytes that are not UTF-8") {
    Value value;
    value.set("k", Value().append(1).append("x")).set("bad", std::string("a\xFFz"));
    CHECK(write(value, 2) ==
          "{\n  \"k\": [\n    1,\n    \"x\"\n  ],\n  \"bad\": \"a\xEF\xBF\xBDz\"\n}");
}

TEST_CASE("escapes become UTF-8, surrogate pairs included") {
    CHECK(parse(R"("\u00e9\ud83d\ude00\/")").value().as_text() == "é\xF0\x9F\x98\x80/");
}

TEST_CASE("text that RFC 8259 does not allow is refused with its place") {
    struct Case {
        std::string_view text;
        std::string_view place;
    };
    const Case cases[] = {
        {"", "1:1:"},
        {"[1,]", "1:"},
        {"{\"a\":1,}", "1:"},
        {"01", "1:1:"},
        {"[1.]", "1:2:"},
        {"[.5]", "1:2:"},
        {"[+1]", "1:2:"},
        {"[1e]", "1:2:"},
        {"[-]", "1:2:"},
        {"\"a", "1:1:"},
        {"[\n \"\t\"]", "2:3:"},
        {"\"\\x\"", "1:2:"},
        {"\"\\u12\"", "1:2:"},
        {"\"\\u0000\"", "1:2:"},
        {"\"\\ud800\"", "1:2:"},
        {"\"\\udc00\"", "1:2:"},
        {"nul", "1:1:"},
        {"True", "1:1:"},
        {"[1] 2", "1:5:"},
        {"[1]]", "1:4:"},
        {"{\"a\" 1}", "1:"},
        {"{1:2}", "1:"},
        {"'a'", "1:1:"},
        {"[1 2]", "1:"},
        {"// c\n1", "1:1:"},
        {"[Infinity]", "1:2:"},
        {"[1e999]", "1:2:"},
        {"[9007199254740993]", "1:2:"},
    };
    for (const Case& each : cases) {
        INFO(each.text);
        const auto value = parse(each.text);
        REQUIRE_FALSE(value.ok());
        CHECK(value.error().code == base::ExitCode::data);
        CHECK(value.error().message.starts_with(each.place));
    }
}

TEST_CASE("duplicate keys, bytes that are not UTF-8, depth and size are refused") {
    CHECK_FALSE(parse(R"({"a":1,"a":2})").ok());
    CHECK_FALSE(parse(R"({"a":1,"\u0061":2})").ok());
    CHECK_FALSE(parse("\"\xC3\"").ok());
    CHECK_FALSE(parse(std::string_view("\"a\0b\"", 5)).ok());
    CHECK(parse(std::string(64, '[') + std::string(64, ']')).ok());
    CHECK_FALSE(parse(std::string(65, '[') + std::string(65, ']')).ok());
    CHECK_FALSE(parse(std::string(100'000, '[')).ok());
    CHECK_FALSE(parse("[1,2]", {.maximum_bytes = 4}).ok());
}
