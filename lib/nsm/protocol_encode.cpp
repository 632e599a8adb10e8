// Requests. Indexes are written in shortest form: QEMU's module takes no wider ones.

#include "base/format.h"
#include "codec/cbor.h"
#include "nsm/protocol.h"

namespace nsm::protocol {

using base::Error;
using base::Result;

namespace {

Bytes encode_name(std::string_view name) {
    Bytes out;
    codec::cbor::Writer(out).text(name);
    return out;
}

Bytes encode_number(std::string_view name, std::string_view field, std::uint16_t number) {
    Bytes out;
    codec::cbor::Writer(out).map(1).text(name).map(1).text(field).unsigned_integer(number);
    return out;
}

Error too_long(std::string_view what, std::size_t size, std::size_t maximum) {
    return Error::usage(
        fmt::format("the {} has {} bytes, the NSM takes at most {}", what, size, maximum), "");
}

}  // namespace

Bytes encode_describe() {
    return encode_name("DescribeNSM");
}

Bytes encode_random() {
    return encode_name("GetRandom");
}

Bytes encode_describe_pcr(std::uint16_t index) {
    return encode_number("DescribePCR", "index", index);
}

Result<Bytes> encode_extend_pcr(std::uint16_t index, std::span<const std::byte> data) {
    Bytes out;
    codec::cbor::Writer writer(out);
    writer.map(1).text("ExtendPCR").map(2);
    writer.text("index").unsigned_integer(index);
    writer.text("data").bytes(data);
    if (out.size() > kMaximumRequestBytes) {
        return too_long("data", data.size(), data.size() - (out.size() - kMaximumRequestBytes));
    }
    return out;
}

Bytes encode_lock_pcr(std::uint16_t index) {
    return encode_number("LockPCR", "index", index);
}

Bytes encode_lock_pcrs(std::uint16_t range) {
    return encode_number("LockPCRs", "range", range);
}

Result<Bytes> encode_attest(const AttestationRequest& request) {
    struct Field {
        std::string_view key;
        std::string_view name;
        const std::optional<Bytes>& content;
        std::size_t maximum_bytes;
    };
    const Field fields[] = {
        {"user_data", "user data", request.user_data, kMaximumUserDataBytes},
        {"nonce", "nonce", request.nonce, kMaximumNonceBytes},
        {"public_key", "public key", request.public_key, kMaximumPublicKeyBytes},
    };
    Bytes out;
    codec::cbor::Writer writer(out);
    writer.map(1).text("Attestation").map(std::size(fields));
    for (const Field& field : fields) {
        writer.text(field.key);
        if (!field.content.has_value()) {
            writer.null();
            continue;
        }
        if (field.content->size() > field.maximum_bytes) {
            return too_long(field.name, field.content->size(), field.maximum_bytes);
        }
        writer.bytes(*field.content);
    }
    return out;
}

}  // namespace nsm::protocol
