// Attestation documents of the Nitro Secure Module, taken apart strictly. Pure: bytes in, a value
// out; whether to believe it is for verify.h to say.
//
//   document     [protected, {}, payload, signature], perhaps tagged 18 (COSE_Sign1, RFC 9052 4.2);
//                definite lengths and shortest forms only, because no signature covers them
//   protected    <<{1: algorithm}>>: -35 (ES384), or -1, by which QEMU's module says that it
//                does not sign
//   payload      <<{"module_id": text, "digest": "SHA384", "timestamp": milliseconds,
//                   "pcrs": {0..31: 32, 48 or 64 bytes}, "certificate": DER, "cabundle": [DER...],
//                   "public_key", "user_data", "nonce": bytes, null or absent}>>
//   signature    r || s, 96 bytes; with algorithm -1 64 zeros
//
// The format is Amazon's (NSM API, "attestation process"). Nothing else may stand in it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace attest {

using Bytes = std::vector<std::byte>;

inline constexpr std::size_t kMaximumPayloadBytes = 16'384;
inline constexpr std::size_t kMaximumDocumentBytes = kMaximumPayloadBytes + 256;
inline constexpr std::size_t kMaximumModuleIdBytes = 256;
inline constexpr std::size_t kMaximumCertificateBytes = 1024;
inline constexpr std::size_t kMaximumBundleCertificates = 8;  // real ones have 4
// The vendor's pages disagree on 512 or 1024; a module is asked for at most 512 (nsm/nsm.h).
inline constexpr std::size_t kMaximumFieldBytes = 1024;
inline constexpr unsigned kHighestRegister = 31;

enum class Kind {
    es384,    // signed; whether rightly is not known yet
    emulated  // made by QEMU's module: says what was measured, and nobody signed it
};

struct Document {
    Kind kind = Kind::es384;
    Bytes protected_header;  // this and the payload as they were: the signature covers them
    Bytes payload;
    Bytes signature;

    std::string module_id;                  // as sent: escape it before showing it
    std::chrono::milliseconds timestamp{};  // since 1970
    std::map<unsigned, Bytes> pcrs;
    Bytes certificate;            // of the key that signed
    std::vector<Bytes> cabundle;  // root first, the certificate's issuer last
    std::optional<Bytes> public_key;
    std::optional<Bytes> user_data;
    std::optional<Bytes> nonce;
};

// Errors (data) name the part at fault: "attestation document: payload: pcrs: ...".
base::Result<Document> decode(std::span<const std::byte> document);

// What the signature covers: ["Signature1", protected, h'', payload].
Bytes signed_bytes(const Document& document);

}  // namespace attest
