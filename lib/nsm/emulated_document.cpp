// Definite lengths and shortest forms throughout, as real modules write them.
#include "nsm/emulated_document.h"

#include "codec/cbor.h"

namespace nsm::emulated {

using codec::cbor::Writer;

namespace {

constexpr std::int64_t kAlgorithmLabel = 1;
constexpr std::int64_t kEs384 = -35;

void write_optional(Writer& writer, std::string_view key, const std::optional<Bytes>& content) {
    writer.text(key);
    if (content)
        writer.bytes(*content);
    else
        writer.null();
}

// Only what is locked is attested: the rest may change at any time.
void write_registers(Writer& writer, const State& state) {
    const Description description = describe(state);
    writer.map(description.locked_registers.size());
    for (const std::uint16_t index : description.locked_registers)
        writer.unsigned_integer(index).bytes(state.registers[index].value);
}

Bytes payload_of(const State& state, const Chain& chain, std::chrono::milliseconds time,
                 const AttestationRequest& fields) {
    Bytes out;
    Writer writer(out);
    writer.map(9);
    writer.text("module_id").text(state.module_id);
    writer.text("digest").text("SHA384");
    writer.text("timestamp").integer(time.count());
    writer.text("pcrs");
    write_registers(writer, state);
    writer.text("certificate").bytes(chain.certificate);
    writer.text("cabundle").array(chain.bundle.size());
    for (const Bytes& certificate : chain.bundle)
        writer.bytes(certificate);
    write_optional(writer, "public_key", fields.public_key);
    write_optional(writer, "user_data", fields.user_data);
    write_optional(writer, "nonce", fields.nonce);
    return out;
}

}  // namespace

base::Result<Bytes> make_document(const State& state, const Chain& chain,
                                  std::chrono::milliseconds time,
                                  const AttestationRequest& fields) {
    const Bytes payload = payload_of(state, chain, time, fields);
    Bytes header;
    Writer(header).map(1).integer(kAlgorithmLabel).integer(kEs384);
    Bytes covered;
    Writer(covered).array(4).text("Signature1").bytes(header).bytes({}).bytes(payload);
    const Bytes signature = TRY(chain.key.sign(covered));
    Bytes document;
    Writer(document).array(4).bytes(header).map(0).bytes(payload).bytes(signature);
    return document;
}

}  // namespace nsm::emulated
