// Reading and comparing.
#include "attest/expectations.h"

#include "base/format.h"
#include "base/text.h"
#include "codec/json.h"
#include "crypto/digest.h"

namespace attest {

using base::Error;
using base::Result;
using codec::json::Member;
using codec::json::Value;

namespace {

constexpr std::size_t kValueBytes = 48;  // SHA-384
constexpr unsigned kHighestIndex = 31;
constexpr std::string_view kPrefix = "PCR";

std::optional<unsigned> register_number(std::string_view key) {
    if (!key.starts_with(kPrefix)) return std::nullopt;
    const std::string_view digits = key.substr(kPrefix.size());
    for (unsigned index = 0; index <= kHighestIndex; ++index) {
        if (digits == fmt::format("{}", index)) return index;
    }
    return std::nullopt;
}

// "Sha384 { ... }" is how nitro-cli spells it, "SHA384" how the module does.
Result<void> check_algorithm(const Value& value) {
    const std::string_view text = value.as_text().value_or("");
    if (text == "SHA384" || text == "Sha384" || text.starts_with("Sha384 ")) return {};
    return Error::data("HashAlgorithm is not Sha384");
}

Result<void> read_member(const Member& member, Expectations& expectations) {
    if (member.key == "HashAlgorithm") return check_algorithm(member.value);
    const auto index = register_number(member.key);
    if (!index) {
        return Error::data(
            fmt::format("{} is no register (PCR0 to PCR31)", base::quote(member.key)));
    }
    auto value = base::from_hex(member.value.as_text().value_or(""));
    if (!value.ok() || value->size() != kValueBytes) {
        return Error::data(fmt::format("{} is not 96 hexadecimal digits", member.key));
    }
    expectations.emplace(*index, std::move(value).value());
    return {};
}

}  // namespace

Result<Expectations> parse_expectations(std::string_view text) {
    const Value document = TRY(codec::json::parse(text));
    const Value* inner = document.find("Measurements");
    const auto* members = (inner != nullptr ? *inner : document).as_object();
    if (members == nullptr) return Error::data("no object of registers");
    if (inner != nullptr) {
        for (const Member& member : *document.as_object()) {
            if (register_number(member.key)) {
                return Error::data(fmt::format("{} stands beside Measurements", member.key));
            }
        }
    }
    Expectations expectations;
    for (const Member& member : *members)
        TRY(read_member(member, expectations));
    if (expectations.empty()) return Error::data("no register in it: it expects nothing");
    return expectations;
}

std::optional<Difference> first_difference(
    const Expectations& expected, const std::map<unsigned, std::vector<std::byte>>& registers) {
    for (const auto& [index, value] : expected) {
        const auto found = registers.find(index);
        if (found != registers.end() && crypto::equal_in_constant_time(found->second, value)) {
            continue;
        }
        return Difference{
            index, base::to_hex(value),
            found == registers.end() ? std::string("absent") : base::to_hex(found->second)};
    }
    return std::nullopt;
}

}  // namespace attest
