// What a parsed CBOR item answers about its kind, its fields and its place.
#include <catch2/catch_test_macros.hpp>

#include "base/text.h"
#include "cbor_examples.h"
#include "codec/cbor.h"

namespace cbor = codec::cbor;
using cbor_test::hex;

TEST_CASE("fields are found by key and asked for by kind") {
    const auto parsed = cbor::parse(hex("a361610101430102032081f5"));
    REQUIRE(parsed.ok());
    const cbor::Value& map = parsed.value();
    REQUIRE(map.find("a") != nullptr);
    CHECK(map.find("a")->as_unsigned() == 1);
    CHECK(map.find("a")->as_integer() == 1);
    CHECK_FALSE(map.find("a")->as_text());
    CHECK_FALSE(map.find("a")->as_bytes());
    CHECK(map.find("a")->as_array() == nullptr);
    CHECK(map.find("a")->as_map() == nullptr);
    CHECK_FALSE(map.find("a")->as_bool());
    CHECK_FALSE(map.find("a")->tag_number());
    CHECK(map.find("a")->tagged() == nullptr);
    CHECK(map.find("a")->find("a") == nullptr);
    CHECK(map.find("b") == nullptr);
    CHECK(map.find(2) == nullptr);
    REQUIRE(map.find(1) != nullptr);
    CHECK(base::to_hex(*map.find(1)->as_bytes()) == "010203");
    REQUIRE(map.find(-1) != nullptr);
    CHECK(map.find(-1)->as_array()->front().as_bool() == true);
}

TEST_CASE("an item knows which bytes of the input it was") {
    const auto input = hex("d28443a10126a04401020304420506");
    const auto parsed = cbor::parse(input);
    REQUIRE(parsed.ok());
    const cbor::Value* sign1 = parsed.value().tagged();
    REQUIRE(sign1 != nullptr);
    CHECK(parsed.value().tag_number() == 18);
    CHECK(parsed.value().source() == cbor::Range{0, input.size()});
    CHECK(sign1->source() == cbor::Range{1, input.size() - 1});
    CHECK((*sign1->as_array())[0].source() == cbor::Range{2, 4});
    CHECK((*sign1->as_array())[1].source() == cbor::Range{6, 1});
    CHECK((*sign1->as_array())[2].source() == cbor::Range{7, 5});
    CHECK((*sign1->as_array())[3].source() == cbor::Range{12, 3});
    const auto open = cbor::parse(hex("829f0102ff5f4101ff"));
    REQUIRE(open.ok());
    CHECK((*open.value().as_array())[0].source() == cbor::Range{1, 4});
    CHECK((*open.value().as_array())[1].source() == cbor::Range{5, 4});
}
