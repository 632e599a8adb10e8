// What registers shall hold, from the JSON that `eif build`, `eif measure`, `nsm pcr read --json`
// and nitro-cli print.
//
//   {"Measurements": {"HashAlgorithm": "Sha384 { ... }", "PCR0": "96 hexadecimal digits", ...}}
//
// or the inner object alone. Beside Measurements anything may stand, within it nothing else: a
// misspelt register must not pass for one that nobody asked about.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace attest {

// Register by number, 0 to 31; the values have 48 bytes. Never empty when parsed.
using Expectations = std::map<unsigned, std::vector<std::byte>>;

// Errors (data) name the member at fault. A text that expects nothing is an Error, too.
base::Result<Expectations> parse_expectations(std::string_view text);

// A register that is not as expected.
struct Difference {
    unsigned index = 0;
    std::string expected;  // hexadecimal
    std::string seen;      // hexadecimal, or "absent"
};

// The first one, by number, if any.
std::optional<Difference> first_difference(
    const Expectations& expected, const std::map<unsigned, std::vector<std::byte>>& registers);

}  // namespace attest
