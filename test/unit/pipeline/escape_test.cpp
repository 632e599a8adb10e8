// The escape of a raw terminal, in whatever pieces the keys arrive.
#include "escape.h"

#include <catch2/catch_test_macros.hpp>

using namespace pipeline;

namespace {

// What is sent, with <end> and <help> where they are asked for.
std::string typed(std::string_view keys, std::size_t piece) {
    Escape escape;
    std::string all;
    while (!keys.empty()) {
        std::string_view part = keys.substr(0, piece);
        keys.remove_prefix(part.size());
        while (!part.empty()) {
            const Escape::Typed taken = escape.take(part);
            all += taken.send;
            if (taken.ask == Escape::Ask::end) all += "<end>";
            if (taken.ask == Escape::Ask::help) all += "<help>";
        }
    }
    return all;
}

}  // namespace

TEST_CASE("an escape counts at the start of a line only") {
    const std::pair<std::string, std::string> cases[] = {{"~.", "<end>"},
                                                         {"ls\r~.", "ls\r<end>"},
                                                         {"ls\n~.", "ls\n<end>"},
                                                         {"ls ~.", "ls ~."},
                                                         {"~~.", "~."},
                                                         {"~?~.", "<help><end>"},
                                                         {"~?ls", "<help>ls"},
                                                         {"~x~.", "~x~."},
                                                         {"~\r~.", "~\r<end>"},
                                                         {"~~~.", "~~."},
                                                         {"cd ~\r", "cd ~\r"},
                                                         {"", ""},
                                                         {"~/bin/x\r", "~/bin/x\r"},
                                                         {"a\r\r~.", "a\r\r<end>"}};
    for (const auto& [keys, expected] : cases) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{100}}) {
            INFO(keys << " in pieces of " << piece);
            CHECK(typed(keys, piece) == expected);
        }
    }
}

TEST_CASE("what is typed behind an escape is not lost") {
    Escape escape;
    std::string_view keys = "a\r~?b";
    const auto first = escape.take(keys);
    CHECK(first.send == "a\r");
    CHECK(first.ask == Escape::Ask::help);
    CHECK(keys == "b");
    CHECK(escape.take(keys).send == "b");
}
