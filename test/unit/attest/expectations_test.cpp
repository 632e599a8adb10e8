// Expected registers as the tools print them, and what is none.
#include "attest/expectations.h"

#include <catch2/catch_test_macros.hpp>

namespace {

const std::string kOnes(96, '1');
const std::string kTwos(96, '2');

std::string why_not(std::string_view text) {
    const auto parsed = attest::parse_expectations(text);
    if (parsed.ok()) return "accepted";
    CHECK(parsed.error().code == base::ExitCode::data);
    return parsed.error().message;
}

std::string pcr0(const std::string& before = "", const std::string& after = "") {
    return "{" + before + "\"PCR0\": \"" + kOnes + "\"" + after + "}";
}

}  // namespace

TEST_CASE("expectations are read as the tools print measurements") {
    const auto parsed = attest::parse_expectations(
        R"({"Measurements": {"HashAlgorithm": "Sha384 { ... }", "PCR0": ")" + kOnes +
        R"(", "PCR31": ")" + kTwos + R"("}})");
    REQUIRE(parsed.ok());
    REQUIRE(parsed.value().size() == 2);
    CHECK(parsed.value().at(0) == std::vector<std::byte>(48, std::byte{0x11}));
    CHECK(parsed.value().at(31) == std::vector<std::byte>(48, std::byte{0x22}));
    CHECK(why_not(pcr0()) == "accepted");
    CHECK(why_not(pcr0("\"HashAlgorithm\": \"SHA384\", ")) == "accepted");
    // What describes an image says more than its measurements.
    CHECK(why_not(R"({"EifVersion": 4, "Measurements": )" + pcr0() + "}") == "accepted");
}

TEST_CASE("an expectation that expects nothing is a mistake") {
    constexpr std::string_view kNothing = "no register in it: it expects nothing";
    CHECK(why_not("{}") == kNothing);
    CHECK(why_not(R"({"Measurements": {}})") == kNothing);
    CHECK(why_not(R"({"HashAlgorithm": "Sha384"})") == kNothing);
}

TEST_CASE("what is misspelt is told") {
    CHECK(why_not("[]") == "no object of registers");
    CHECK(why_not(R"({"Measurements": 1})") == "no object of registers");
    CHECK(why_not("").find("1:1") != std::string::npos);
    CHECK(why_not(pcr0("", ", \"PCR1\": \"11\"")) == "PCR1 is not 96 hexadecimal digits");
    CHECK(why_not(pcr0("", ", \"PCR1\": 1")) == "PCR1 is not 96 hexadecimal digits");
    CHECK(why_not(pcr0("", ", \"PCR1\": null")) == "PCR1 is not 96 hexadecimal digits");
    for (const std::string key : {"PCR", "PCR32", "PCR00", "PCR-1", "PCR1 ", "pcr1", "PRC1"}) {
        CHECK(why_not(pcr0("", ", \"" + key + "\": \"" + kOnes + "\"")) ==
              "'" + key + "' is no register (PCR0 to PCR31)");
    }
    CHECK(why_not(pcr0("\"HashAlgorithm\": \"Sha256\", ")) == "HashAlgorithm is not Sha384");
    CHECK(why_not(pcr0("\"HashAlgorithm\": \"Sha3840\", ")) == "HashAlgorithm is not Sha384");
    CHECK(why_not(pcr0("", ", \"PCR0\": \"" + kOnes + "\"")) != "accepted");
    CHECK(why_not(pcr0("", ", \"Measurements\": " + pcr0())) == "PCR0 stands beside Measurements");
}

TEST_CASE("the first register that differs or is absent is told") {
    const attest::Expectations expected = {{0, std::vector<std::byte>(48, std::byte{1})},
                                           {4, std::vector<std::byte>(48, std::byte{2})}};
    auto registers = expected;
    registers[8] = std::vector<std::byte>(48);
    CHECK_FALSE(attest::first_difference(expected, registers));
    registers[4][47] = std::byte{3};
    auto difference = attest::first_difference(expected, registers);
    REQUIRE(difference);
    CHECK(difference->index == 4);
    CHECK(difference->expected.ends_with("020202"));
    CHECK(difference->seen.ends_with("020203"));
    registers.erase(0);
    difference = attest::first_difference(expected, registers);
    REQUIRE(difference);
    CHECK(difference->index == 0);
    CHECK(difference->seen == "absent");
    registers[0] = std::vector<std::byte>(32, std::byte{1});
    CHECK(attest::first_difference(expected, registers)->index == 0);
}
