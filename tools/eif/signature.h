// The signature section: CBOR around a PEM certificate and a COSE_Sign1 over PCR0. Pure but for
// load_signer().
//
// [{"signing_certificate": PEM, "signature": COSE_Sign1}], both as arrays of small integers, not
// as byte strings (we read either). COSE_Sign1 (RFC 9052 4.2, untagged): [<<{1: alg}>>, {},
// payload, r || s] with the payload <<{"register_index": 0, "register_value": [48 integers]}>>.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/certificate.h"
#include "crypto/ecdsa.h"
#include "measurements.h"

namespace eif {

struct Signer {
    crypto::PrivateKey key;
    std::string certificate_pem;  // as in the file: the bytes go into the image
    crypto::Certificate certificate;
};

// Reads both files; a certificate for another key, or one too long for the section, is an Error.
base::Result<Signer> load_signer(const std::string& certificate_path, const std::string& key_path);

base::Result<std::vector<std::byte>> make_signature_section(const Signer& signer, const Pcr& pcr0);

struct SignatureSection {
    std::string certificate_pem;
    std::int64_t algorithm = 0;  // of COSE
    std::vector<std::byte> payload;
    std::vector<std::byte> signature;
    std::vector<std::byte> signed_bytes;  // what the signature covers
};

// Errors (data) say which part is not as it must be.
base::Result<SignatureSection> parse_signature_section(std::span<const std::byte> section);

struct SignatureVerdict {
    crypto::Certificate certificate;
    Pcr pcr8{};
    std::string fault;  // why the signature does not count for this PCR0; empty: it does
};

// Validity in time is the caller's to check, and so is whether the certificate is the right one.
base::Result<SignatureVerdict> check_signature(const SignatureSection& section, const Pcr& pcr0);

}  // namespace eif
