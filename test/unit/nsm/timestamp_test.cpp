// The walk to a document's time, and what the clock service makes of it.
#include "nsm/timestamp.h"

#include <catch2/catch_test_macros.hpp>

#include "base/file.h"
#include "base/text.h"
#include "clock_rule.h"
#include "nsm/protocol.h"

using nsm::document_time;
using nsm::reply_document;
using nsm_tool::judge;
using nsm_tool::Verdict;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

namespace {

using Bytes = std::vector<std::byte>;

Bytes hex(std::string_view text) {
    return base::from_hex(text).value();
}

std::string hex_text(std::string_view text) {
    return base::to_hex(base::as_bytes(text));
}

// {"module_id": "i", "digest": "SHA384", "timestamp": 1764000000000, "pcrs": {0: h'00'},
//  "nonce": null}
const std::string kPayload =
    "a5"
    "69" +
    hex_text("module_id") + "6169" + "66" + hex_text("digest") + "66" + hex_text("SHA384") + "69" +
    hex_text("timestamp") + "1b0000019ab69b0400" + "64" + hex_text("pcrs") + "a1004100" + "65" +
    hex_text("nonce") + "f6";

std::string document(const std::string& payload) {
    return "84"
           "41a0"
           "a0"
           "58" +
           base::to_hex(Bytes{std::byte(payload.size() / 2)}) + payload + "4100";
}

}  // namespace

TEST_CASE("the time of a document is found among its other members") {
    const auto time = document_time(hex(document(kPayload)));
    REQUIRE(time.ok());
    CHECK(time.value() == milliseconds(0x19ab69b0400));
    CHECK(document_time(hex("d2" + document(kPayload))).ok());
}

TEST_CASE("the time is found in a reply of QEMU's module, and both decoders see one document") {
    const auto text = base::read_file(VECTORS "/nsm/ok/attestation-qemu.cbor", 4096);
    REQUIRE(text.ok());
    const auto reply = base::as_bytes(text.value());
    const auto document = reply_document(reply);
    REQUIRE(document.ok());
    CHECK(Bytes(document.value().begin(), document.value().end()) ==
          nsm::protocol::decode_attest(reply).value());
    const auto time = document_time(document.value());
    REQUIRE(time.ok());
    CHECK(time.value() == milliseconds(0x1a1f903b460));
}

TEST_CASE("a document that is cut anywhere, or has more behind it, is refused") {
    const Bytes whole = hex(document(kPayload));
    for (std::size_t length = 0; length < whole.size(); ++length) {
        CHECK_FALSE(document_time(std::span(whole).first(length)).ok());
    }
    Bytes longer = whole;
    longer.push_back(std::byte{0});
    CHECK_FALSE(document_time(longer).ok());
}

TEST_CASE("a time that is missing, told twice, of another type or impossible is refused") {
    const std::string key = "69" + hex_text("timestamp");
    CHECK(document_time(hex(document("a1" + key + "1b0000019ab69b0400"))).ok());
    CHECK_FALSE(document_time(hex(document("a0"))).ok());
    CHECK_FALSE(
        document_time(hex(document("a2" + key + "1b0000019ab69b0400" + key + "1b0000019ab69b0400")))
            .ok());
    CHECK_FALSE(document_time(hex(document("a1" + key +
                                           "61"
                                           "31")))
                    .ok());
    CHECK_FALSE(document_time(hex(document("a1" + key + "00"))).ok());
    CHECK_FALSE(document_time(hex(document("a1" + key + "1bffffffffffffffff"))).ok());
    CHECK_FALSE(document_time(hex(document("bf" + key + "1b0000019ab69b0400ff"))).ok());
}

TEST_CASE("items nested without end do not exhaust the stack") {
    std::string nested;
    for (int level = 0; level < 100; ++level)
        nested += "81";
    CHECK_FALSE(document_time(hex(document("a1"
                                           "6161" +
                                           nested + "00")))
                    .ok());
    CHECK_FALSE(document_time(hex("84"
                                  "40" +
                                  std::string(20'000, '8')))
                    .ok());
}

TEST_CASE("the plain request is the one that the protocol's encoder writes") {
    const auto request = nsm::plain_attestation_request();
    CHECK(Bytes(request.begin(), request.end()) == nsm::protocol::encode_attest({}).value());
}

TEST_CASE("the document is taken out of its reply, a refusal is told") {
    const std::string inner =
        "a1"
        "68" +
        hex_text("document") + "43010203";
    const Bytes reply =
        hex("a1"
            "6b" +
            hex_text("Attestation") + inner);
    const auto found = reply_document(reply);
    REQUIRE(found.ok());
    CHECK(base::to_hex(found.value()) == "010203");
    for (std::size_t length = 0; length < reply.size(); ++length) {
        CHECK_FALSE(reply_document(std::span(reply).first(length)).ok());
    }
    const auto refused =
        reply_document(hex("a1"
                           "65" +
                           hex_text("Error") + "6d" + hex_text("InternalError")));
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message == "the NSM says InternalError");
    CHECK_FALSE(reply_document(hex("a1"
                                   "69" +
                                   hex_text("GetRandom") + inner))
                    .ok());
}

TEST_CASE("a clock within the bounds of a reading is in step") {
    const nanoseconds now = seconds(1'764'000'000);
    const milliseconds module{1'764'000'000'001};
    CHECK(judge({module, now + milliseconds(1), milliseconds(3)}, {}, milliseconds(500)).kind ==
          Verdict::Kind::in_step);
    CHECK(judge({module, now + milliseconds(4), milliseconds(3)}, {}, milliseconds(500)).kind ==
          Verdict::Kind::in_step);
    // Whole seconds tell nothing finer.
    CHECK(
        judge({seconds(1'764'000'000), now + milliseconds(990), {}}, {}, milliseconds(500)).kind ==
        Verdict::Kind::in_step);
    CHECK(judge({seconds(1'764'000'000), now + milliseconds(1'002), {}}, {}, milliseconds(500))
              .kind == Verdict::Kind::step);
}

TEST_CASE("a small difference is slewed, a large one stepped, both ways") {
    const nanoseconds now = seconds(1'764'000'000);
    const auto verdict = [&](milliseconds off) {
        return judge({milliseconds(1'764'000'000'001), now + milliseconds(1) + off, {}}, {},
                     milliseconds(500));
    };
    CHECK(verdict(milliseconds(100)).kind == Verdict::Kind::slew);
    CHECK(verdict(milliseconds(100)).change == nanoseconds(-99'500'000));
    CHECK(verdict(milliseconds(-100)).kind == Verdict::Kind::slew);
    CHECK(verdict(milliseconds(-100)).change == nanoseconds(100'500'000));
    CHECK(verdict(milliseconds(600)).kind == Verdict::Kind::step);
    CHECK(verdict(seconds(-86'400 * 365)).kind == Verdict::Kind::step);
}

TEST_CASE("nothing goes below the floor") {
    const milliseconds floor{1'764'000'000'001};
    const nanoseconds now = seconds(1'764'000'000);
    CHECK(judge({floor - milliseconds(1), now, {}}, floor, milliseconds(500)).kind ==
          Verdict::Kind::refused);
    // Behind the floor there is no time for slewing.
    CHECK(judge({floor, now - milliseconds(100), {}}, floor, milliseconds(500)).kind ==
          Verdict::Kind::step);
    const auto back = judge({floor, floor + seconds(900), {}}, floor, milliseconds(500));
    CHECK(back.kind == Verdict::Kind::step);
    CHECK(floor + seconds(900) + back.change >= floor);
}
