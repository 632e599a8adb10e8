// The manual page against the code: its table, its examples and what it says that they decide.
#include <fstream>
#include <sstream>

#include "support.h"

using policy::special_ranges;
using policy::SpecialRange;

namespace {

std::string page() {
    const std::ifstream file(POLICY_PAGE);
    std::stringstream text;
    text << file.rdbuf();
    REQUIRE_FALSE(text.str().empty());
    return text.str();
}

std::vector<policy::Policy> examples() {
    constexpr std::string_view kBegin = ".Bd -literal -offset indent\n";
    const std::string text = page();
    std::vector<policy::Policy> found;
    std::size_t at = 0;
    while ((at = text.find(kBegin, at)) != std::string::npos) {
        at += kBegin.size();
        found.push_back(policy_test::parsed(text.substr(at, text.find(".Ed\n", at) - at)));
    }
    return found;
}

}  // namespace

TEST_CASE("policy(5) lists the table") {
    const std::string text = page();
    std::size_t listed = 0;
    for (std::size_t at = 0; (at = text.find("\n.It Li ", at)) != std::string::npos; ++at)
        ++listed;
    CHECK(listed == special_ranges().size());
    for (const SpecialRange& range : special_ranges()) {
        const std::string row =
            "\n.It Li " + to_string(range.network) + " Ta " + std::string(range.name) + "\n";
        INFO(row);
        CHECK(policy_test::holds(text, row));
    }
}

TEST_CASE("the examples of policy(5) decide as the page says") {
    const auto policies = examples();
    REQUIRE(policies.size() == 4);
    struct Case {
        const char* name;
        const char* address;
        std::uint16_t port;
        bool allowed;
        std::size_t line;
    };
    for (const Case& each :
         {Case{"a.example", "198.35.26.96", 443, true, 8},
          Case{"a.example", "192.88.1.1", 443, false, 2},
          Case{"a.example", "169.254.169.254", 443, false, 0},
          Case{"", "169.254.169.253", 53, true, 3}, Case{"", "169.254.169.253", 80, false, 0}}) {
        INFO(each.name << " " << each.address << " " << each.port);
        const auto decision =
            policies[3].judge({each.name, policy_test::address(each.address), each.port});
        CHECK(decision.allowed == each.allowed);
        CHECK(decision.line == each.line);
    }
}
