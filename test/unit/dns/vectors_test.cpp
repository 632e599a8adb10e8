// The files of test/vectors/dns are of the class that their names say.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "dns/message.h"

namespace {

bool decodes(std::string_view name, std::span<const std::byte> input) {
    if (name.starts_with("answer")) return dns::decode_answer(input).ok();
    const dns::DecodedQuery decoded = dns::decode_query(input);
    return decoded.header.has_value() && decoded.fault == dns::Rcode::no_error;
}

}  // namespace

TEST_CASE("every vector of DNS is of the class that its name says") {
    std::size_t seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(VECTORS "/dns")) {
        const std::string name = entry.path().filename().string();
        INFO(name);
        const auto text = base::read_file(entry.path().string(), 1 << 20);
        REQUIRE(text.ok());
        const std::string kind = entry.path().extension().string();
        REQUIRE((kind == ".ok" || kind == ".bad"));
        CHECK(decodes(name, base::as_bytes(text.value())) == (kind == ".ok"));
        ++seen;
    }
    CHECK(seen >= 50);
}
