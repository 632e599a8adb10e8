// The examples of RFC 8949, appendix A, but for floating-point numbers and unassigned simple
// values, and what shows a parsed item in the RFC's diagnostic notation.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/format.h"
#include "base/text.h"
#include "codec/cbor.h"

namespace cbor_test {

namespace cbor = codec::cbor;

inline std::vector<std::byte> hex(std::string_view text) {
    return base::from_hex(text).value();
}

// Diagnostic notation (RFC 8949, 8), lengths that were indefinite shown as definite.
inline std::string show(const cbor::Value& value) {
    using Kind = cbor::Value::Kind;
    std::string out;
    switch (value.kind()) {
        case Kind::unsigned_integer: return fmt::format("{}", *value.as_unsigned());
        case Kind::negative_integer:
            return value.as_integer() ? fmt::format("{}", *value.as_integer()) : "below int64";
        case Kind::bytes: return fmt::format("h'{}'", base::to_hex(*value.as_bytes()));
        case Kind::text: return fmt::format("\"{}\"", *value.as_text());
        case Kind::boolean: return *value.as_bool() ? "true" : "false";
        case Kind::null: return "null";
        case Kind::undefined: return "undefined";
        case Kind::tag: return fmt::format("{}({})", *value.tag_number(), show(*value.tagged()));
        case Kind::array:
            for (const cbor::Value& member : *value.as_array()) {
                out += (out.empty() ? "" : ", ") + show(member);
            }
            return "[" + out + "]";
        case Kind::map:
            for (const cbor::Entry& entry : *value.as_map()) {
                out += (out.empty() ? "" : ", ") + show(entry.key) + ": " + show(entry.value);
            }
            return "{" + out + "}";
    }
    return out;
}

struct Example {
    std::string_view encoded;
    std::string_view shown;
};

// RFC 8949 appendix A, definite lengths.
inline constexpr Example kDefinite[] = {
    {"00", "0"},
    {"01", "1"},
    {"0a", "10"},
    {"17", "23"},
    {"1818", "24"},
    {"1819", "25"},
    {"1864", "100"},
    {"1903e8", "1000"},
    {"1a000f4240", "1000000"},
    {"1b000000e8d4a51000", "1000000000000"},
    {"1bffffffffffffffff", "18446744073709551615"},
    {"c249010000000000000000", "2(h'010000000000000000')"},
    {"c349010000000000000000", "3(h'010000000000000000')"},
    {"20", "-1"},
    {"29", "-10"},
    {"3863", "-100"},
    {"3903e7", "-1000"},
    {"f4", "false"},
    {"f5", "true"},
    {"f6", "null"},
    {"f7", "undefined"},
    {"c074323031332d30332d32315432303a30343a30305a", "0(\"2013-03-21T20:04:00Z\")"},
    {"c11a514b67b0", "1(1363896240)"},
    {"d74401020304", "23(h'01020304')"},
    {"d818456449455446", "24(h'6449455446')"},
    {"d82076687474703a2f2f7777772e6578616d706c652e636f6d", "32(\"http://www.example.com\")"},
    {"40", "h''"},
    {"4401020304", "h'01020304'"},
    {"60", "\"\""},
    {"6161", "\"a\""},
    {"6449455446", "\"IETF\""},
    {"62225c", "\"\"\\\""},
    {"62c3bc", "\"\u00fc\""},
    {"63e6b0b4", "\"\u6c34\""},
    {"64f0908591", "\"\U00010151\""},
    {"80", "[]"},
    {"83010203", "[1, 2, 3]"},
    {"8301820203820405", "[1, [2, 3], [4, 5]]"},
    {"98190102030405060708090a0b0c0d0e0f101112131415161718181819",
     "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]"},
    {"a0", "{}"},
    {"a201020304", "{1: 2, 3: 4}"},
    {"a26161016162820203", "{\"a\": 1, \"b\": [2, 3]}"},
    {"826161a161626163", "[\"a\", {\"b\": \"c\"}]"},
    {"a56161614161626142616361436164614461656145",
     "{\"a\": \"A\", \"b\": \"B\", \"c\": \"C\", \"d\": \"D\", \"e\": \"E\"}"},
};

inline constexpr Example kIndefinite[] = {
    {"5f42010243030405ff", "h'0102030405'"},
    {"7f657374726561646d696e67ff", "\"streaming\""},
    {"9fff", "[]"},
    {"9f018202039f0405ffff", "[1, [2, 3], [4, 5]]"},
    {"9f01820203820405ff", "[1, [2, 3], [4, 5]]"},
    {"83018202039f0405ff", "[1, [2, 3], [4, 5]]"},
    {"83019f0203ff820405", "[1, [2, 3], [4, 5]]"},
    {"bf61610161629f0203ffff", "{\"a\": 1, \"b\": [2, 3]}"},
    {"826161bf61626163ff", "[\"a\", {\"b\": \"c\"}]"},
    {"bf6346756ef563416d7421ff", "{\"Fun\": true, \"Amt\": -2}"},
};

}  // namespace cbor_test
