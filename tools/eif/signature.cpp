// Making and checking the signature section.
#include "signature.h"

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "codec/cbor.h"
#include "format.h"

namespace eif {

namespace {

namespace cbor = codec::cbor;

constexpr std::size_t kMaximumPemBytes = 64 * 1024;  // more never fits into the section
constexpr std::uint64_t kAlgorithmKey = 1;           // of COSE headers
constexpr std::uint64_t kSignedTag = 18;             // COSE_Sign1

std::int64_t algorithm_of(crypto::Curve curve) {
    switch (curve) {
        case crypto::Curve::p256: return -7;
        case crypto::Curve::p384: return -35;
        case crypto::Curve::p521: break;
    }
    return -36;
}

void write_as_integers(cbor::Writer& writer, std::span<const std::byte> bytes) {
    writer.array(bytes.size());
    for (const std::byte byte : bytes)
        writer.unsigned_integer(std::to_integer<unsigned>(byte));
}

std::vector<std::byte> make_payload(const Pcr& pcr0) {
    std::vector<std::byte> payload;
    cbor::Writer writer(payload);
    writer.map(2).text("register_index").unsigned_integer(0).text("register_value");
    write_as_integers(writer, pcr0);
    return payload;
}

std::vector<std::byte> make_signed_bytes(std::span<const std::byte> protected_header,
                                         std::span<const std::byte> payload) {
    std::vector<std::byte> bytes;
    cbor::Writer writer(bytes);
    writer.array(4).text("Signature1").bytes(protected_header).bytes({}).bytes(payload);
    return bytes;
}

base::Error bad(std::string_view reason) {
    return base::Error::data(fmt::format("signature section: {}", reason));
}

// A byte string, or an array of integers below 256.
base::Result<std::vector<std::byte>> read_bytes(const cbor::Value* value, std::string_view name) {
    if (value != nullptr && value->as_bytes()) {
        const auto bytes = *value->as_bytes();
        return std::vector<std::byte>(bytes.begin(), bytes.end());
    }
    if (value == nullptr || !value->as_array()) return bad(fmt::format("no {}", name));
    std::vector<std::byte> bytes;
    for (const cbor::Value& item : *value->as_array()) {
        const auto number = item.as_unsigned();
        if (!number || *number > 255) return bad(fmt::format("{} is not made of bytes", name));
        bytes.push_back(static_cast<std::byte>(*number));
    }
    return bytes;
}

base::Result<void> parse_cose(std::span<const std::byte> bytes, SignatureSection& section) {
    const cbor::Value document = TRY(cbor::parse(bytes));
    const bool tagged = document.tag_number() == kSignedTag;
    const auto parts = (tagged ? *document.tagged() : document).as_array();
    if (!parts || parts->size() != 4) return bad("COSE_Sign1 is not an array of four");
    const auto protected_header = (*parts)[0].as_bytes();
    const auto payload = (*parts)[2].as_bytes();
    const auto signature = (*parts)[3].as_bytes();
    if (!protected_header || !(*parts)[1].as_map() || !payload || !signature) {
        return bad("COSE_Sign1 has a part of the wrong type");
    }
    const cbor::Value header = TRY(cbor::parse(*protected_header));
    const cbor::Value* algorithm = header.find(static_cast<std::int64_t>(kAlgorithmKey));
    if (!header.as_map() || header.as_map()->size() != 1 || algorithm == nullptr ||
        !algorithm->as_integer()) {
        return bad("the protected header is not {1: algorithm}");
    }
    section.algorithm = *algorithm->as_integer();
    section.payload.assign(payload->begin(), payload->end());
    section.signature.assign(signature->begin(), signature->end());
    section.signed_bytes = make_signed_bytes(*protected_header, *payload);
    return {};
}

}  // namespace

base::Result<Signer> load_signer(const std::string& certificate_path, const std::string& key_path) {
    std::string pem = TRY(base::read_file(certificate_path, kMaximumPemBytes));
    crypto::Certificate certificate = TRY(crypto::parse_certificate(pem, certificate_path));
    std::string key_pem = TRY(base::read_file(key_path, kMaximumPemBytes));
    base::Result<crypto::PrivateKey> key = crypto::PrivateKey::from_pem(key_pem, key_path);
    crypto::wipe(key_pem);
    if (!key.ok()) return std::move(key).error();
    if (!(TRY(key->public_key()) == certificate.key)) {
        return base::Error::data(fmt::format("{} does not belong to the certificate {}",
                                             base::quote(key_path), base::quote(certificate_path)));
    }
    Signer signer{std::move(key).value(), std::move(pem), std::move(certificate)};
    // Found out before an image is read, not after.
    const base::Result<std::vector<std::byte>> trial = make_signature_section(signer, Pcr{});
    if (!trial.ok()) return base::Error(trial.error()).at(certificate_path);
    return signer;
}

base::Result<std::vector<std::byte>> make_signature_section(const Signer& signer, const Pcr& pcr0) {
    std::vector<std::byte> protected_header;
    cbor::Writer(protected_header)
        .map(1)
        .unsigned_integer(kAlgorithmKey)
        .integer(algorithm_of(signer.key.curve()));
    const std::vector<std::byte> payload = make_payload(pcr0);
    const std::vector<std::byte> signature =
        TRY(signer.key.sign(make_signed_bytes(protected_header, payload)));
    std::vector<std::byte> cose;
    cbor::Writer(cose).array(4).bytes(protected_header).map(0).bytes(payload).bytes(signature);

    std::vector<std::byte> section;
    cbor::Writer writer(section);
    writer.array(1).map(2).text("signing_certificate");
    write_as_integers(writer, base::as_bytes(signer.certificate_pem));
    writer.text("signature");
    write_as_integers(writer, cose);
    if (section.size() > kMaximumSignatureBytes) {
        return base::Error::data(fmt::format("the signature section would take {} bytes, {} are "
                                             "allowed",
                                             section.size(), kMaximumSignatureBytes))
            .with_hint("give a file with the signing certificate alone, without its chain");
    }
    return section;
}

base::Result<SignatureSection> parse_signature_section(std::span<const std::byte> bytes) {
    const cbor::Value document = TRY(cbor::parse(bytes));
    const auto signatures = document.as_array();
    if (!signatures || signatures->size() != 1) return bad("not an array of one signature");
    const cbor::Value& entry = (*signatures)[0];
    if (!entry.as_map() || entry.as_map()->size() != 2) return bad("not a map of two");
    SignatureSection section;
    const std::vector<std::byte> pem =
        TRY(read_bytes(entry.find("signing_certificate"), "signing_certificate"));
    section.certificate_pem = base::as_text(pem);
    const std::vector<std::byte> cose = TRY(read_bytes(entry.find("signature"), "signature"));
    TRY(parse_cose(cose, section));
    return section;
}

base::Result<SignatureVerdict> check_signature(const SignatureSection& section, const Pcr& pcr0) {
    crypto::Certificate certificate =
        TRY(crypto::parse_certificate(section.certificate_pem, "the signature section"));
    SignatureVerdict verdict{std::move(certificate), {}, {}};
    // PCR8 is the digest of the digest, as the launcher extends it.
    const std::vector<std::byte> digest =
        TRY(crypto::hash(crypto::HashAlgorithm::sha384, verdict.certificate.der));
    verdict.pcr8 = TRY(extend_from_zero(digest));
    const crypto::PublicKey& key = verdict.certificate.key;
    if (section.algorithm != algorithm_of(key.curve())) {
        verdict.fault = fmt::format("its algorithm {} is not that of the certificate's {} key",
                                    section.algorithm, crypto::name_of(key.curve()));
    } else if (!TRY(key.verify(section.signed_bytes, section.signature))) {
        verdict.fault = "it was not made by the certificate's key";
    } else if (section.payload != make_payload(pcr0)) {
        verdict.fault = "it was made for another PCR0";
    }
    return verdict;
}

}  // namespace eif
