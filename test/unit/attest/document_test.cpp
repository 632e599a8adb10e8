// What is an attestation document, and where one that is none goes wrong.
#include "attest/document.h"

#include <filesystem>

#include "base/file.h"
#include "maker.h"

using attest_test::Bytes;
using attest_test::bytes_of;
using attest_test::encoded;
using attest_test::Fields;
using attest_test::hex;
using attest_test::Maker;
using attest_test::null;
using attest_test::number_of;
using attest_test::text_of;

namespace {

std::string why_not(const Bytes& document) {
    const auto decoded = attest::decode(document);
    if (decoded.ok()) return "accepted";
    CHECK(decoded.error().code == base::ExitCode::data);
    constexpr std::string_view kStart = "attestation document: ";
    CHECK(decoded.error().message.starts_with(kStart));
    return decoded.error().message.substr(kStart.size());
}

// An envelope of four encoded parts.
Bytes envelope(const Bytes& header, const Bytes& unprotected, const Bytes& payload,
               const Bytes& signature) {
    return encoded([&](auto& writer) {
        writer.array(4).encoded(header).encoded(unprotected).encoded(payload).encoded(signature);
    });
}

const Bytes kHeader = hex("44a1013822");
const Bytes kEmpty = hex("a0");

Bytes signature() {
    return bytes_of(Bytes(96, std::byte{1}));
}

}  // namespace

TEST_CASE("a document comes apart into its fields, and keeps what is signed") {
    Maker maker;
    const Fields fields = maker.fields();
    const Bytes bytes = maker.document_of(fields);
    const auto decoded = attest::decode(bytes);
    REQUIRE(decoded.ok());
    const attest::Document& document = decoded.value();
    CHECK(document.kind == attest::Kind::es384);
    CHECK(document.module_id == "i-1234-enc5678");
    CHECK(document.timestamp == attest_test::kNow);
    CHECK(document.pcrs.size() == 16);
    CHECK(document.pcrs.at(2) == Bytes(48, std::byte{3}));
    CHECK(document.certificate == maker.certificates[attest_test::leaf]);
    REQUIRE(document.cabundle.size() == 4);
    CHECK(document.cabundle[0] == maker.certificates[attest_test::root]);
    CHECK_FALSE(document.public_key);
    CHECK(base::as_text(*document.user_data) == "user data");
    CHECK(base::as_text(*document.nonce) == "nonce");
    CHECK(document.payload == Maker::payload_of(fields));
    CHECK(document.signature.size() == 96);
    CHECK(base::to_hex(attest::signed_bytes(document))
              .starts_with("846a5369676e61747572653144a101382240"));
}

TEST_CASE("each vector decodes, or does not, as its folder says") {
    std::size_t seen = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(VECTORS "/attest")) {
        if (!file.is_regular_file()) continue;
        CAPTURE(file.path().string());
        const auto content = base::read_file(file.path().string(), 65'536);
        REQUIRE(content.ok());
        const auto decoded = attest::decode(base::as_bytes(content.value()));
        CHECK(decoded.ok() == (file.path().parent_path().filename() == "ok"));
        ++seen;
    }
    CHECK(seen >= 10);
}

TEST_CASE("the tag of COSE_Sign1 may stand before it, another may not") {
    Maker maker;
    Bytes document = maker.document();
    document.insert(document.begin(), std::byte{0xD2});
    CHECK(why_not(document) == "accepted");
    document[0] = std::byte{0xD1};
    CHECK(why_not(document) == "envelope: no array of 4");
    document[0] = std::byte{0xD2};
    document.insert(document.begin(), std::byte{0xD2});
    CHECK(why_not(document) == "envelope: no array of 4");
}

TEST_CASE("a payload of indefinite length, as serde writes one, is a payload") {
    Maker maker;
    Bytes payload = Maker::payload_of(maker.fields());
    payload[0] = std::byte{0xBF};
    payload.push_back(std::byte{0xFF});
    CHECK(why_not(maker.document_of(payload)) == "accepted");
}

TEST_CASE("the envelope has one spelling, because nobody signs it") {
    Maker maker;
    Bytes document = maker.document();
    Bytes longer = document;
    longer.push_back(std::byte{0});
    CHECK(why_not(longer).ends_with("bytes after the item"));
    CHECK(why_not({}).starts_with("envelope: bad CBOR at byte 0"));
    CHECK(why_not(Bytes(document.begin(), document.end() - 1)).starts_with("envelope: bad CBOR"));
    CHECK(why_not(Bytes(attest::kMaximumDocumentBytes + 1)) == "envelope: longer than 16640 bytes");
    const Bytes payload = bytes_of(Maker::payload_of(maker.fields()));
    CHECK(why_not(envelope(kHeader, kEmpty, payload, signature())) == "accepted");
    CHECK(why_not(envelope(hex("5804a1013822"), kEmpty, payload, signature()))
              .ends_with("in more bytes than it needs"));
    CHECK(why_not(envelope(hex("45a101390022"), kEmpty, payload, signature()))
              .starts_with("protected header: bad CBOR"));
    CHECK(why_not(envelope(kHeader, hex("bfff"), payload, signature()))
              .ends_with("an indefinite length"));
    CHECK(why_not(hex("83404040")) == "envelope: no array of 4");
    CHECK(why_not(hex("a0")) == "envelope: no array of 4");
}

TEST_CASE("each part of the envelope is of its type") {
    Maker maker;
    const Bytes payload = bytes_of(Maker::payload_of(maker.fields()));
    CHECK(why_not(envelope(kEmpty, kEmpty, payload, signature())) ==
          "protected header: not a byte string");
    CHECK(why_not(envelope(kHeader, hex("a10101"), payload, signature())) ==
          "unprotected header: not an empty map");
    CHECK(why_not(envelope(kHeader, hex("40"), payload, signature())) ==
          "unprotected header: not an empty map");
    CHECK(why_not(envelope(kHeader, kEmpty, null(), signature())) == "payload: not a byte string");
    CHECK(why_not(envelope(kHeader, kEmpty, payload, null())) == "signature: not a byte string");
    CHECK(why_not(envelope(kHeader, kEmpty, hex("40"), signature())) ==
          "payload: 0 bytes, not 1 to 16384");
    CHECK(why_not(envelope(kHeader, kEmpty, bytes_of(Bytes(16'385)), signature())) ==
          "payload: 16385 bytes, not 1 to 16384");
    CHECK(why_not(envelope(kHeader, kEmpty, payload, bytes_of(Bytes(95)))) ==
          "signature: 95 bytes, not 96");
}

TEST_CASE("the algorithm is ES384, and nothing else stands beside it") {
    Maker maker;
    const Bytes payload = bytes_of(Maker::payload_of(maker.fields()));
    const auto with_header = [&](std::string_view header) {
        return why_not(envelope(bytes_of(hex(header)), kEmpty, payload, signature()));
    };
    constexpr std::string_view kOther = "protected header: an algorithm other than ES384 (-35)";
    CHECK(with_header("a10126") == kOther);    // ES256
    CHECK(with_header("a1013823") == kOther);  // ES512
    CHECK(with_header("a101654553333834") == kOther);
    CHECK(with_header("a0") == "protected header: something else than one algorithm");
    CHECK(with_header("a2013822024101") == "protected header: something else than one algorithm");
    CHECK(with_header("a1023822") == "protected header: something else than one algorithm");
    CHECK(with_header("80") == "protected header: something else than one algorithm");
    CHECK(with_header("").starts_with("protected header: bad CBOR"));
    CHECK(with_header("a101382200").starts_with("protected header: bad CBOR"));
    CHECK(with_header("a2013822013822").ends_with("a map key for the second time"));
}

TEST_CASE("a document of QEMU's module is of a kind of its own") {
    Maker maker;
    maker.algorithm = -1;
    maker.signature_override = Bytes(64);
    Fields fields = maker.fields();
    fields[4].second = bytes_of(Bytes(64));  // its placeholder for a certificate
    fields[5].second = hex("815840" + std::string(128, '0'));
    const auto decoded = attest::decode(maker.document_of(fields));
    REQUIRE(decoded.ok());
    CHECK(decoded.value().kind == attest::Kind::emulated);
    maker.signature_override[63] = std::byte{1};
    CHECK(why_not(maker.document_of(fields)) ==
          "signature: not 64 zeros, though the algorithm is -1 (unsigned)");
    maker.signature_override = Bytes(96);
    CHECK(why_not(maker.document_of(fields)) ==
          "signature: not 64 zeros, though the algorithm is -1 (unsigned)");
    // Zeros are no licence: with the algorithm of a signed document they are a bad signature.
    maker.algorithm = -35;
    maker.signature_override = Bytes(64);
    CHECK(why_not(maker.document_of(fields)) == "signature: 64 bytes, not 96");
}

TEST_CASE("a payload is a map with text keys, each once, and no others") {
    Maker maker;
    CHECK(why_not(maker.document_of(hex("80"))) == "payload: not a map");
    CHECK(why_not(maker.document_of(hex("a10102"))) == "payload: a key that is no text");
    CHECK(why_not(maker.document_of(hex("a0"))) == "payload: module_id: missing");
    Fields fields = maker.fields();
    fields.push_back({"nonce", null()});
    CHECK(why_not(maker.document_of(fields)).ends_with("a map key for the second time"));
    fields.back().first = "extra\x1b";
    CHECK(why_not(maker.document_of(fields)) == "payload: extra\\x1b: an unknown field");
    Bytes trailing = Maker::payload_of(maker.fields());
    trailing.push_back(std::byte{0});
    CHECK(why_not(maker.document_of(trailing)).ends_with("bytes after the item"));
    for (const std::string_view name :
         {"module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"}) {
        CHECK(why_not(maker.with(name, {})) == "payload: " + std::string(name) + ": missing");
    }
    for (const std::string_view name : {"public_key", "user_data", "nonce"})
        CHECK(why_not(maker.with(name, {})) == "accepted");
}

TEST_CASE("each field is of its type and within its limits") {
    Maker maker;
    const auto with = [&](std::string_view name, const Bytes& value) {
        const std::string why = why_not(maker.with(name, value));
        const std::string start = "payload: " + std::string(name) + ": ";
        return why.starts_with(start) ? why.substr(start.size()) : why;
    };
    CHECK(with("module_id", text_of("")) == "not a text of 1 to 256 bytes");
    CHECK(with("module_id", text_of(std::string(257, 'x'))) == "not a text of 1 to 256 bytes");
    CHECK(with("module_id", number_of(1)) == "not a text of 1 to 256 bytes");
    CHECK(with("digest", text_of("SHA256")) == "not SHA384");
    CHECK(with("digest", null()) == "not SHA384");
    for (const Bytes& time : {number_of(0), text_of("1"), hex("20"), hex("1bffffffffffffffff")})
        CHECK(with("timestamp", time) == "not a time in milliseconds");
    CHECK(with("certificate", hex("40")) == "0 bytes, not 1 to 1024");
    CHECK(with("certificate", bytes_of(Bytes(1025))) == "1025 bytes, not 1 to 1024");
    CHECK(with("certificate", null()) == "not a byte string");
    CHECK(with("cabundle", null()) == "not an array");
    CHECK(with("cabundle", hex("80")) == "0 certificates, not 1 to 8");
    CHECK(with("cabundle", hex("89414141414141414141414141414141414141")) ==
          "9 certificates, not 1 to 8");
    CHECK(with("cabundle", hex("82414140")) == "payload: cabundle[1]: 0 bytes, not 1 to 1024");
    CHECK(with("public_key", hex("40")) == "0 bytes, not 1 to 1024");
    CHECK(with("public_key", bytes_of(Bytes(1024))) == "accepted");
    CHECK(with("public_key", bytes_of(Bytes(1025))) == "1025 bytes, not 1 to 1024");
    for (const std::string_view name : {"user_data", "nonce"}) {
        CHECK(with(name, hex("40")) == "accepted");
        CHECK(with(name, bytes_of(Bytes(1024))) == "accepted");
        CHECK(with(name, bytes_of(Bytes(1025))) == "1025 bytes, not 0 to 1024");
        CHECK(with(name, text_of("nonce")) == "not a byte string");
    }
}

TEST_CASE("registers are numbered 0 to 31, each once, with a digest each") {
    Maker maker;
    const auto with = [&](std::string_view digits) {
        return why_not(maker.with("pcrs", hex(digits)));
    };
    const std::string value = "5830" + std::string(96, '1');
    CHECK(with("a1181f" + value) == "accepted");
    CHECK(with("a11820" + value) == "payload: pcrs: a key that is no number up to 31");
    CHECK(with("a120" + value) == "payload: pcrs: a key that is no number up to 31");
    CHECK(with("a16130" + value) == "payload: pcrs: a key that is no number up to 31");
    CHECK(with("a0") == "payload: pcrs: no register");
    CHECK(with("80") == "payload: pcrs: not a map");
    CHECK(with("a1004111") == "payload: pcrs: register 0 is not 32, 48 or 64 bytes");
    CHECK(with("a100f6") == "payload: pcrs: register 0 is not 32, 48 or 64 bytes");
    CHECK(with("a200" + value + "00" + value).ends_with("a map key for the second time"));
    // Not in shortest form, but the same key.
    CHECK(with("a200" + value + "1800" + value).ends_with("a map key for the second time"));
}
