// What is told of a workload that failed.
#include "post_mortem.h"

#include <catch2/catch_test_macros.hpp>

#include <csignal>
#include <string>
#include <vector>

using namespace initd;

namespace {

Ring ring_with(const std::string& text) {
    Ring ring = Ring::create(4096).value();
    ring.append(text);
    return ring;
}

// A service that was started and ended with this code, not to be restarted.
Service ended_with(int code) {
    Policy policy;
    policy.restart = Restart::never;
    Service service(policy);
    const Time now{};
    for (const auto kind : {Event::Kind::requested, Event::Kind::released, Event::Kind::executed})
        service.handle({kind}, now);
    service.handle({Event::Kind::ended, {Ending::How::exited, code, Step::none}}, now);
    return service;
}

const End kEnd{.action = EndAction::poweroff,
               .reason = "critical-failed",
               .service = "web",
               .detail = "exited with code 42",
               .status = 42,
               .final_line = "{ \"status\": \"exited\", \"code\": 42 }\n"};

}  // namespace

TEST_CASE("a post-mortem has the end, each service's ending and the tail of its log") {
    std::vector<char> memory(kMostPostMortem);
    PostMortem writer(memory);
    writer.open("2026-01-31T23:59:59.123Z", kEnd, 20);
    writer.expect(1);
    writer.service("web", ended_with(42), "exited with code 42", ring_with("first\nsecond\n"));
    writer.close();
    CHECK(writer.text() ==
          "time=2026-01-31T23:59:59.123Z reason=critical-failed action=poweroff status=42 "
          "service=web services=20 detail=\"exited with code 42\"\n"
          "service=web state=failed starts=1 last=\"exited with code 42\"\n"
          "| first\n"
          "| second\n");
}

TEST_CASE("services that ended as they should are not worth telling") {
    CHECK(worth_telling(ended_with(1)));
    CHECK_FALSE(worth_telling(ended_with(0)));
    CHECK_FALSE(worth_telling(Service(Policy{})));
}

TEST_CASE(
    "however much there is to tell, the text stays within its memory and every service has a "
    "share") {
    std::string log;
    for (int line = 0; line < 40; ++line)
        log += std::string(90, 'a') + std::to_string(line) + "\n";
    const Ring ring = ring_with(log);
    for (const std::size_t count : {1U, 10U, 100U, 1000U}) {
        for (const std::size_t room : {0U, 10U, 33U, 200U, 4000U, 12288U}) {
            std::vector<char> memory(room);
            PostMortem writer(memory);
            writer.open("2026-01-31T23:59:59.123Z", kEnd, count);
            writer.expect(count);
            for (std::size_t index = 0; index < count; ++index) {
                writer.service("s" + std::to_string(index), ended_with(1), "exited with code 1",
                               ring);
            }
            writer.close();
            CHECK(writer.text().size() <= room);
            if (!writer.text().empty()) CHECK(writer.text().back() == '\n');
            if (room == 12288 && count == 100) {
                CHECK(writer.text().find("service=s99 ") != std::string_view::npos);
                CHECK(writer.text().find("omitted=") == std::string_view::npos);
            }
            if (room == 12288 && count == 1000) {
                CHECK(writer.text().find("omitted=") != std::string_view::npos);
            }
        }
    }
}

TEST_CASE("the later lines of a log win over the earlier ones") {
    std::string log;
    for (int line = 0; line < 30; ++line)
        log += "line " + std::to_string(line) + "\n";
    std::vector<char> memory(260);
    PostMortem writer(memory);
    writer.open("T", kEnd, 1);
    writer.expect(1);
    writer.service("web", ended_with(1), "x", ring_with(log));
    CHECK(writer.text().ends_with("| line 29\n"));
    CHECK(writer.text().find("line 20\n") == std::string_view::npos);
}

TEST_CASE("neither control characters nor bytes that are no UTF-8 come through") {
    std::vector<char> memory(kMostPostMortem);
    PostMortem writer(memory);
    writer.expect(1);
    writer.service("web", ended_with(1), "x", ring_with("a\x1b[31m\xff \xc3\xa9 \xc2\x9b\r\n"));
    CHECK(writer.text().ends_with("| a?[31m? \xc3\xa9 ??\n"));
}

TEST_CASE("the status line keeps its members and gets the text as an array of lines") {
    std::vector<char> memory(kMostPostMortemJson);
    CHECK(with_post_mortem(kEnd.final_line, "a=\"b\"\n| c\\d\n", memory) ==
          "{ \"status\": \"exited\", \"code\": 42, \"post_mortem\": [\"a=\\\"b\\\"\", \"| "
          "c\\\\d\"] }\n");
    CHECK(with_post_mortem(kEnd.final_line, "", memory).empty());
    CHECK(with_post_mortem("no line", "a\n", memory).empty());
    std::vector<char> little(40);
    CHECK(with_post_mortem(kEnd.final_line, "a\n", little).empty());
}

TEST_CASE("the longest text fits its room as JSON") {
    std::vector<char> memory(kMostPostMortem);
    PostMortem writer(memory);
    writer.open("T", kEnd, 1);
    writer.expect(60);
    const Ring ring = ring_with(std::string(4000, '"') + "\n");
    for (int index = 0; index < 60; ++index)
        writer.service("s", ended_with(1), "\"\"", ring);
    std::vector<char> json(kMostPostMortemJson);
    CHECK_FALSE(with_post_mortem(kEnd.final_line, writer.text(), json).empty());
}
