// The decoder: COSE outside, then the payload field by field.
#include "attest/document.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "codec/cbor.h"

namespace attest {

using base::Error;
using base::Result;
using codec::cbor::Value;

namespace {

constexpr std::uint64_t kSign1Tag = 18;
constexpr std::int64_t kAlgorithmLabel = 1;
constexpr std::int64_t kEs384 = -35;
constexpr std::int64_t kUnsigned = -1;
constexpr std::size_t kEs384Bytes = 96;
constexpr std::size_t kUnsignedBytes = 64;
constexpr std::uint64_t kLatestTimestamp = 253'402'300'799'999;  // the last of the year 9999

constexpr codec::cbor::Limits kEnvelope{
    .maximum_depth = 4, .maximum_items = 16, .allow_indefinite = false, .allow_longer = false};
constexpr codec::cbor::Limits kProtected{
    .maximum_depth = 3, .maximum_items = 16, .allow_indefinite = false, .allow_longer = false};
// Whoever signs may encode the payload as it likes.
constexpr codec::cbor::Limits kPayload{.maximum_depth = 3, .maximum_items = 512};

Error bad(std::string_view place, std::string_view why) {
    return Error::data(fmt::format("attestation document: {}: {}", place, why));
}

Bytes copy(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

Result<Value> parse(std::span<const std::byte> bytes, const codec::cbor::Limits& limits,
                    std::string_view place) {
    auto parsed = codec::cbor::parse(bytes, limits);
    if (!parsed.ok()) return bad(place, parsed.error().message);
    return parsed;
}

Result<Kind> read_protected(std::span<const std::byte> header) {
    const Value value = TRY(parse(header, kProtected, "protected header"));
    const auto* entries = value.as_map();
    const Value* algorithm = value.find(kAlgorithmLabel);
    if (entries == nullptr || entries->size() != 1 || algorithm == nullptr) {
        return bad("protected header", "something else than one algorithm");
    }
    if (algorithm->as_integer() == kEs384) return Kind::es384;
    if (algorithm->as_integer() == kUnsigned) return Kind::emulated;
    return bad("protected header", "an algorithm other than ES384 (-35)");
}

Result<void> check_signature_form(const Document& document) {
    if (document.kind == Kind::es384 && document.signature.size() != kEs384Bytes) {
        return bad("signature",
                   fmt::format("{} bytes, not {}", document.signature.size(), kEs384Bytes));
    }
    if (document.kind == Kind::emulated &&
        (document.signature.size() != kUnsignedBytes ||
         std::ranges::count(document.signature, std::byte{0}) != kUnsignedBytes)) {
        return bad("signature", "not 64 zeros, though the algorithm is -1 (unsigned)");
    }
    return {};
}

Result<void> read_envelope(std::span<const std::byte> bytes, Document& document) {
    const Value outer = TRY(parse(bytes, kEnvelope, "envelope"));
    const bool tagged = outer.tag_number() == kSign1Tag;
    const Value& message = tagged ? *outer.tagged() : outer;
    const auto* parts = message.as_array();
    if (parts == nullptr || parts->size() != 4) return bad("envelope", "no array of 4");
    const auto header = (*parts)[0].as_bytes();
    const auto* unprotected = (*parts)[1].as_map();
    const auto payload = (*parts)[2].as_bytes();
    const auto signature = (*parts)[3].as_bytes();
    if (!header) return bad("protected header", "not a byte string");
    if (unprotected == nullptr || !unprotected->empty()) {
        return bad("unprotected header", "not an empty map");
    }
    if (!payload) return bad("payload", "not a byte string");
    if (!signature) return bad("signature", "not a byte string");
    if (payload->empty() || payload->size() > kMaximumPayloadBytes) {
        return bad("payload",
                   fmt::format("{} bytes, not 1 to {}", payload->size(), kMaximumPayloadBytes));
    }
    document.protected_header = copy(*header);
    document.payload = copy(*payload);
    document.signature = copy(*signature);
    document.kind = TRY(read_protected(*header));
    return check_signature_form(document);
}

std::string field_place(std::string_view key) {
    return fmt::format("payload: {}", base::escape(key, 40));
}

Result<Bytes> read_bytes(const Value& value, const std::string& place, std::size_t minimum,
                         std::size_t maximum) {
    const auto bytes = value.as_bytes();
    if (!bytes) return bad(place, "not a byte string");
    if (bytes->size() < minimum || bytes->size() > maximum) {
        return bad(place, fmt::format("{} bytes, not {} to {}", bytes->size(), minimum, maximum));
    }
    return copy(*bytes);
}

Result<std::optional<Bytes>> read_optional(const Value& value, const std::string& place,
                                           std::size_t minimum) {
    if (value.is_null()) return std::optional<Bytes>();
    return std::optional<Bytes>(TRY(read_bytes(value, place, minimum, kMaximumFieldBytes)));
}

Result<std::map<unsigned, Bytes>> read_registers(const Value& value, const std::string& place) {
    const auto* entries = value.as_map();
    if (entries == nullptr) return bad(place, "not a map");
    if (entries->empty()) return bad(place, "no register");
    std::map<unsigned, Bytes> registers;
    for (const codec::cbor::Entry& entry : *entries) {
        const auto index = entry.key.as_unsigned();
        if (!index || *index > kHighestRegister) {
            return bad(place, fmt::format("a key that is no number up to {}", kHighestRegister));
        }
        const auto bytes = entry.value.as_bytes();
        if (!bytes || (bytes->size() != 32 && bytes->size() != 48 && bytes->size() != 64)) {
            return bad(place, fmt::format("register {} is not 32, 48 or 64 bytes", *index));
        }
        registers.emplace(static_cast<unsigned>(*index), copy(*bytes));
    }
    return registers;
}

Result<std::vector<Bytes>> read_bundle(const Value& value, const std::string& place) {
    const auto* members = value.as_array();
    if (members == nullptr) return bad(place, "not an array");
    if (members->empty() || members->size() > kMaximumBundleCertificates) {
        return bad(place, fmt::format("{} certificates, not 1 to {}", members->size(),
                                      kMaximumBundleCertificates));
    }
    std::vector<Bytes> bundle;
    for (const Value& member : *members) {
        const std::string member_place = fmt::format("{}[{}]", place, bundle.size());
        bundle.push_back(TRY(read_bytes(member, member_place, 1, kMaximumCertificateBytes)));
    }
    return bundle;
}

Result<std::string> read_module_id(const Value& value, const std::string& place) {
    const auto text = value.as_text();
    if (!text || text->empty() || text->size() > kMaximumModuleIdBytes) {
        return bad(place, fmt::format("not a text of 1 to {} bytes", kMaximumModuleIdBytes));
    }
    return std::string(*text);
}

Result<std::chrono::milliseconds> read_timestamp(const Value& value, const std::string& place) {
    const auto number = value.as_unsigned();
    if (!number || *number == 0 || *number > kLatestTimestamp) {
        return bad(place, "not a time in milliseconds");
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(*number));
}

Result<void> read_field(std::string_view key, const Value& value, Document& document) {
    const std::string place = field_place(key);
    if (key == "module_id") {
        document.module_id = TRY(read_module_id(value, place));
    } else if (key == "digest") {
        if (value.as_text() != "SHA384") return bad(place, "not SHA384");
    } else if (key == "timestamp") {
        document.timestamp = TRY(read_timestamp(value, place));
    } else if (key == "pcrs") {
        document.pcrs = TRY(read_registers(value, place));
    } else if (key == "certificate") {
        document.certificate = TRY(read_bytes(value, place, 1, kMaximumCertificateBytes));
    } else if (key == "cabundle") {
        document.cabundle = TRY(read_bundle(value, place));
    } else if (key == "public_key") {
        document.public_key = TRY(read_optional(value, place, 1));
    } else if (key == "user_data") {
        document.user_data = TRY(read_optional(value, place, 0));
    } else if (key == "nonce") {
        document.nonce = TRY(read_optional(value, place, 0));
    } else {
        return bad(place, "an unknown field");
    }
    return {};
}

Result<void> read_payload(Document& document) {
    const Value payload = TRY(parse(document.payload, kPayload, "payload"));
    const auto* entries = payload.as_map();
    if (entries == nullptr) return bad("payload", "not a map");
    for (const codec::cbor::Entry& entry : *entries) {
        const auto key = entry.key.as_text();
        if (!key) return bad("payload", "a key that is no text");
        TRY(read_field(*key, entry.value, document));
    }
    static constexpr std::string_view kRequired[] = {"module_id", "digest",      "timestamp",
                                                     "pcrs",      "certificate", "cabundle"};
    for (const std::string_view key : kRequired) {
        if (payload.find(key) == nullptr) return bad(field_place(key), "missing");
    }
    return {};
}

}  // namespace

Result<Document> decode(std::span<const std::byte> document) {
    if (document.size() > kMaximumDocumentBytes) {
        return bad("envelope", fmt::format("longer than {} bytes", kMaximumDocumentBytes));
    }
    Document decoded;
    TRY(read_envelope(document, decoded));
    TRY(read_payload(decoded));
    return decoded;
}

Bytes signed_bytes(const Document& document) {
    Bytes out;
    codec::cbor::Writer(out)
        .array(4)
        .text("Signature1")
        .bytes(document.protected_header)
        .bytes({})
        .bytes(document.payload);
    return out;
}

}  // namespace attest
