// Strict YAML: what is refused, where it says so, and how mappings become structs.
#include "codec/yaml.h"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <string>

#include "base/file.h"

namespace yaml = codec::yaml;

namespace {

std::string error_of(std::string_view text, const yaml::Limits& limits = {}) {
    const auto document = yaml::parse(text, "f.yaml", limits);
    return document.ok() ? "no error" : document.error().message;
}

struct Listener {
    std::string name;
    std::uint64_t port = 0;
    bool enabled = true;
    std::chrono::milliseconds idle{0};
    std::uint64_t ring_bytes = 0;
    std::size_t mode = 0;
    std::vector<std::string> words;
    std::map<std::string, std::string> environment;
};

constexpr std::string_view kModes[] = {"simple", "oneshot"};

using yaml::Value;
constexpr yaml::Field<Listener> kFields[] = {
    {"name",
     [](const Value& v, Listener& to) -> base::Result<void> {
         to.name = TRY(v.text());
         return {};
     },
     true},
    {"port",
     [](const Value& v, Listener& to) -> base::Result<void> {
         to.port = TRY(v.number(1, 65535));
         return {};
     }},
    {"enabled",
     [](const Value& v, Listener& to) -> base::Result<void> {
         to.enabled = TRY(v.boolean());
         return {};
     }},
    {"idle",
     [](const Value& v, Listener& to) -> base::Result<void> {
         to.idle = TRY(v.duration());
         return {};
     }},
    {"ring",
     [](const Value& v, Listener& to) -> base::Result<void> {
         to.ring_bytes = TRY(v.size());
         return {};
     }},
    {"mode",
     [](const Value& v, Listener& to) -> base::Result<void> {
         to.mode = TRY(v.one_of(kModes));
         return {};
     }},
    {"words",
     [](const Value& v, Listener& to) -> base::Result<void> {
         to.words = TRY(v.texts());
         return {};
     }},
    {"env",
     [](const Value& v, Listener& to) -> base::Result<void> {
         to.environment = TRY(v.text_map());
         return {};
     }},
};

base::Result<Listener> read(std::string_view text) {
    const yaml::Document document = TRY(yaml::parse(text, "f.yaml"));
    Listener listener;
    TRY(yaml::read_mapping(Value(document), kFields, listener));
    return listener;
}

std::string read_error(std::string_view text) {
    const auto listener = read(text);
    return listener.ok() ? "no error" : listener.error().message;
}

}  // namespace

TEST_CASE("a mapping becomes a struct") {
    const auto listener = read(
        "# comment\nname: web\nport: 8080\nenabled: false\nidle: 5min\nring: 128K\n"
        "mode: oneshot\nwords: [a, \"b c\", 3]\nenv: {LANG: C.UTF-8, N: 1}\n");
    REQUIRE(listener.ok());
    CHECK(listener->name == "web");
    CHECK(listener->port == 8080);
    CHECK_FALSE(listener->enabled);
    CHECK(listener->idle == std::chrono::minutes(5));
    CHECK(listener->ring_bytes == 128 * 1024);
    CHECK(listener->mode == 1);
    CHECK(listener->words == std::vector<std::string>{"a", "b c", "3"});
    CHECK(listener->environment.at("N") == "1");
}

TEST_CASE("an unknown key names its place and the nearest known key") {
    CHECK(read_error("name: x\nprot: 1\n") ==
          "f.yaml:2:1: unknown key 'prot', did you mean 'port'?");
    CHECK(read_error("name: x\n  \nzzzzzzz: 1\n") == "f.yaml:3:1: unknown key 'zzzzzzz'");
}

TEST_CASE("a missing required key is named at the mapping") {
    CHECK(read_error("port: 1\n") == "f.yaml:1:1: the key 'name' is missing");
    CHECK(read_error("") == "f.yaml:1:1: the key 'name' is missing");
}

TEST_CASE("a value of the wrong type or range names its own place") {
    CHECK(read_error("name: x\nport: 70000\n") ==
          "f.yaml:2:7: '70000' is out of range (1 to 65535)");
    CHECK(read_error("name: x\nport: \"80\"\n") == "f.yaml:2:7: expected a number without quotes");
    CHECK(read_error("name: x\nenabled: yes\n") ==
          "f.yaml:2:10: expected true or false, found 'yes'");
    CHECK(read_error("name: x\nidle: soon\n") ==
          "f.yaml:2:7: 'soon' is not a duration such as 100ms, 10s, 5min or 2h");
    CHECK(read_error("name: x\nmode: onshot\n") ==
          "f.yaml:2:7: 'onshot' is not one of simple, oneshot, did you mean 'oneshot'?");
    CHECK(read_error("name: [x]\n") == "f.yaml:1:7: expected text, found a list");
    CHECK(read_error("name:\n") == "f.yaml:1:6: expected text, found nothing");
    CHECK(read_error("name: \"a\\0b\"\n") == "f.yaml:1:7: text with a NUL byte");
    CHECK(read_error("name: x\nwords: [a, [b]]\n") == "f.yaml:2:12: expected text, found a list");
    CHECK(read_error("- a\n") == "f.yaml:1:1: expected a mapping, found a list");
}

TEST_CASE("what hides or repeats meaning is refused") {
    CHECK(error_of("a: 1\nb: 2\na: 3\n") == "f.yaml:3:1: the key 'a' was already given in line 1");
    CHECK(error_of("a: &x 1\n") == "f.yaml:1:4: anchors are not allowed");
    CHECK(error_of("a: *x\n") == "f.yaml:1:4: aliases are not allowed");
    CHECK(error_of("a: !!str 1\n") == "f.yaml:1:4: tags are not allowed");
    CHECK(error_of("a: ! 1\n") == "f.yaml:1:4: tags are not allowed");
    CHECK(error_of("<<: {a: 1}\n") == "f.yaml:1:1: merge keys are not allowed");
    CHECK(error_of("a: 1\n---\nb: 2\n") == "f.yaml:2:1: a second document is not allowed");
    CHECK(error_of("%YAML 1.1\n---\na: 1\n") == "f.yaml:1:1: directives are not allowed");
    CHECK(error_of("? [a]\n: 1\n") == "f.yaml:1:3: a key must be text");
    CHECK(error_of("\"\": 1\n") == "f.yaml:1:1: a key must be text");
}

TEST_CASE("broken text is refused with its place") {
    CHECK(error_of("a: [1, 2\nb: 3\n").starts_with("f.yaml:2:"));
    CHECK(error_of("a: 1\n\tb: 2\n").starts_with("f.yaml:2:"));
    CHECK(error_of("a: \"open\n").starts_with("f.yaml:"));
    CHECK(error_of("a: \xff\xfe\n").starts_with("f.yaml:"));
    CHECK(error_of(std::string_view("a: \0\n", 5)).starts_with("f.yaml:"));
}

TEST_CASE("depth, values and bytes are capped") {
    CHECK(error_of("[[[[1]]]]", {.depth = 4}) == "f.yaml:1:5: nested deeper than 4 levels");
    CHECK(error_of("[[[1]]]", {.depth = 4}) == "no error");
    CHECK(error_of("[1, 2, 3]", {.nodes = 3}) == "f.yaml:1:8: more than 3 values");
    CHECK(error_of("[1, 2]", {.nodes = 3}) == "no error");
    CHECK(error_of("a: 12345", {.bytes = 7}) == "f.yaml:1:1: larger than 7 B");
    CHECK(error_of(std::string(100'000, '[')).find("nested deeper") != std::string::npos);
}

TEST_CASE("comments, an empty text and an explicit document start are fine") {
    CHECK(error_of("# nothing\n") == "no error");
    CHECK(error_of("---\na: 1\n") == "no error");
    CHECK(error_of("---\na: 1\n...\n") == "no error");
}

TEST_CASE("the YAML vectors are what their folders say") {
    for (const bool good : {true, false}) {
        std::size_t count = 0;
        for (const auto& file : std::filesystem::directory_iterator(
                 std::string(VECTORS) + (good ? "/yaml/ok" : "/yaml/bad"))) {
            INFO(file.path());
            const auto text = base::read_file(file.path(), 65536);
            REQUIRE(text.ok());
            CHECK((error_of(text.value()) == "no error") == good);
            ++count;
        }
        CHECK(count >= 5);
    }
}
