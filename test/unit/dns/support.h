// Queries for the tests of answers to them.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include "dns/message.h"

namespace dns_test {

inline constexpr std::uint16_t kId = 0x1234;

inline dns::Query query(std::string_view name, std::uint16_t type = dns::kTypeA,
                        std::optional<dns::Edns> edns = {}) {
    const auto bytes = dns::encode_query(kId, {std::string(name), type}, false, edns);
    dns::DecodedQuery decoded = dns::decode_query(bytes);
    REQUIRE(decoded.fault == dns::Rcode::no_error);
    return decoded.query;
}

inline dns::Answer decoded(std::span<const std::byte> message) {
    auto answer = dns::decode_answer(message);
    INFO((answer.ok() ? "" : answer.error().message));
    REQUIRE(answer.ok());
    return std::move(answer).value();
}

}  // namespace dns_test
