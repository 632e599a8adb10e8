// One function for each request with fields, one for each reply.
#include "nsm/emulated_requests.h"

#include <optional>

#include "codec/cbor.h"
#include "nsm/protocol.h"

namespace nsm::emulated {

using codec::cbor::Value;
using codec::cbor::Writer;

namespace {

constexpr codec::cbor::Limits kLimits{.maximum_depth = 3, .maximum_items = 64};

Bytes copy(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

std::optional<std::uint16_t> number(const Value& fields, std::string_view key) {
    const Value* value = fields.find(key);
    const auto found = value == nullptr ? std::nullopt : value->as_unsigned();
    if (!found || *found > 0xFFFF) return std::nullopt;
    return static_cast<std::uint16_t>(*found);
}

// A request of one number.
template <typename Kind>
Request numbered(const Value& fields, std::string_view key, std::uint16_t Kind::*member) {
    const auto found = number(fields, key);
    if (!found) return kInvalidArgument;
    Kind request;
    request.*member = *found;
    return request;
}

Request extend(const Value& fields) {
    const auto index = number(fields, "index");
    const Value* value = fields.find("data");
    const auto data = value == nullptr ? std::nullopt : value->as_bytes();
    if (!index || !data) return kInvalidArgument;
    return ExtendPcr{*index, copy(*data)};
}

Request attest(const Value& fields) {
    Attest request;
    struct Field {
        std::string_view key;
        std::optional<Bytes>& content;
        std::size_t maximum_bytes;
    };
    const Field wanted[] = {
        {"user_data", request.fields.user_data, kMaximumUserDataBytes},
        {"nonce", request.fields.nonce, kMaximumNonceBytes},
        {"public_key", request.fields.public_key, kMaximumPublicKeyBytes},
    };
    for (const Field& field : wanted) {
        const Value* value = fields.find(field.key);
        if (value == nullptr || value->is_null()) continue;
        const auto bytes = value->as_bytes();
        if (!bytes) return kInvalidArgument;
        if (bytes->size() > field.maximum_bytes) return kInputTooLarge;
        field.content = copy(*bytes);
    }
    // A document has no place for a key of no bytes.
    if (request.fields.public_key && request.fields.public_key->empty()) return kInvalidArgument;
    return request;
}

// {"NAME": {...}} up to the fields; the caller writes that many.
Bytes open_reply(std::string_view name, std::size_t fields) {
    Bytes out;
    Writer(out).map(1).text(name).map(fields);
    return out;
}

Bytes bytes_reply(std::string_view name, std::string_view key, std::span<const std::byte> value) {
    Bytes out = open_reply(name, 1);
    Writer(out).text(key).bytes(value);
    return out;
}

}  // namespace

Request decode_request(std::span<const std::byte> request) {
    const auto parsed = codec::cbor::parse(request, kLimits);
    if (!parsed.ok()) return kInvalidArgument;
    if (parsed->as_text() == "DescribeNSM") return Describe{};
    if (parsed->as_text() == "GetRandom") return Random{};
    const auto* entries = parsed->as_map();
    if (entries == nullptr || entries->size() != 1) return kInvalidOperation;
    const auto name = entries->front().key.as_text();
    const Value& fields = entries->front().value;
    if (name == "DescribePCR") return numbered(fields, "index", &DescribePcr::index);
    if (name == "ExtendPCR") return extend(fields);
    if (name == "LockPCR") return numbered(fields, "index", &LockPcr::index);
    if (name == "LockPCRs") return numbered(fields, "range", &LockPcrs::range);
    if (name == "Attestation") return attest(fields);
    return kInvalidOperation;
}

Bytes encode_refusal(Refusal refusal) {
    Bytes out;
    Writer(out).map(1).text("Error").text(refusal.reason);
    return out;
}

Bytes encode_description(const Description& description) {
    Bytes out = open_reply("DescribeNSM", 7);
    Writer writer(out);
    writer.text("version_major").unsigned_integer(description.version_major);
    writer.text("version_minor").unsigned_integer(description.version_minor);
    writer.text("version_patch").unsigned_integer(description.version_patch);
    writer.text("module_id").text(description.module_id);
    writer.text("max_pcrs").unsigned_integer(description.register_count);
    writer.text("locked_pcrs").array(description.locked_registers.size());
    for (const std::uint16_t index : description.locked_registers)
        writer.unsigned_integer(index);
    writer.text("digest").text(description.digest);
    return out;
}

Bytes encode_random(std::span<const std::byte> random) {
    return bytes_reply("GetRandom", "random", random);
}

Bytes encode_register(const Register& value) {
    Bytes out = open_reply("DescribePCR", 2);
    Writer(out).text("lock").boolean(value.locked).text("data").bytes(value.value);
    return out;
}

Bytes encode_extended(std::span<const std::byte> value) {
    return bytes_reply("ExtendPCR", "data", value);
}

Bytes encode_locked(std::string_view name) {
    Bytes out;
    Writer(out).text(name);
    return out;
}

Bytes encode_document(std::span<const std::byte> document) {
    return bytes_reply("Attestation", "document", document);
}

}  // namespace nsm::emulated
