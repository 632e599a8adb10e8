// PCR arithmetic and its JSON.
#include "measurements.h"

#include <algorithm>

#include "attest/expectations.h"
#include "base/format.h"
#include "base/text.h"

namespace eif {

namespace {

constexpr std::string_view kHashAlgorithm = "Sha384 { ... }";  // as the vendor's tools spell it

std::optional<Pcr> register_of(const Measurements& measurements, unsigned index) {
    switch (index) {
        case 0: return measurements.pcr0;
        case 1: return measurements.pcr1;
        case 2: return measurements.pcr2;
        case 8: return measurements.pcr8;
        default: return std::nullopt;
    }
}

}  // namespace

base::Result<Pcr> extend_from_zero(std::span<const std::byte> data) {
    crypto::Digest digest = TRY(crypto::Digest::create(crypto::HashAlgorithm::sha384));
    Pcr value{};
    TRY(digest.update(value));
    TRY(digest.update(data));
    const std::vector<std::byte> result = TRY(digest.finish());
    std::copy(result.begin(), result.end(), value.begin());
    return value;
}

base::Result<Pcr> extend_from_zero(crypto::Digest& digest) {
    return extend_from_zero(TRY(digest.finish()));
}

codec::json::Value to_json(const Measurements& measurements) {
    codec::json::Value object;
    object.set("HashAlgorithm", kHashAlgorithm);
    object.set("PCR0", base::to_hex(measurements.pcr0));
    object.set("PCR1", base::to_hex(measurements.pcr1));
    object.set("PCR2", base::to_hex(measurements.pcr2));
    if (measurements.pcr8) object.set("PCR8", base::to_hex(*measurements.pcr8));
    return object;
}

std::string to_text(const Measurements& measurements) {
    codec::json::Value object;
    object.set("Measurements", to_json(measurements));
    return codec::json::write(object, 2) + "\n";
}

base::Result<std::vector<Expectation>> parse_expectations(std::string_view text) {
    const attest::Expectations parsed = TRY(attest::parse_expectations(text));
    std::vector<Expectation> expectations;
    for (const auto& [index, value] : parsed) {
        if (index > 2 && index != 8) {
            return base::Error::data(fmt::format(
                "PCR{} is not a register that an image fixes (PCR0, PCR1, PCR2, PCR8)", index));
        }
        Expectation& expectation = expectations.emplace_back(Expectation{index, {}});
        std::copy(value.begin(), value.end(), expectation.value.begin());
    }
    return expectations;
}

std::vector<std::string> compare(const Measurements& measurements,
                                 std::span<const Expectation> expectations) {
    std::vector<std::string> differences;
    for (const Expectation& expected : expectations) {
        const std::optional<Pcr> found = register_of(measurements, expected.pcr_index);
        // An unsigned image leaves PCR8 at zero.
        const Pcr value = found.value_or(Pcr{});
        if (value == expected.value) continue;
        differences.push_back(fmt::format("PCR{} is {}, expected {}", expected.pcr_index,
                                          found ? base::to_hex(value) : "not set (unsigned)",
                                          base::to_hex(expected.value)));
    }
    return differences;
}

}  // namespace eif
