// Making certificates: for the PKI of the NSM emulator and for tests that need one with a fault.
// Nothing is asked for and nothing added: what is not in the description is not in the certificate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "crypto/digest.h"
#include "crypto/ecdsa.h"

namespace crypto {

struct BasicConstraintsContent {
    bool authority = false;
    std::optional<std::uint32_t> path_length = std::nullopt;
    bool critical = true;
};

struct KeyUsageContent {
    std::vector<int> bits;  // RFC 5280 4.2.1.3: 0 digitalSignature, 5 keyCertSign, 6 cRLSign
    bool critical = true;
};

struct ExtensionContent {
    std::string object;  // "1.2.3.4"
    bool critical = false;
    std::vector<std::byte> value;  // DER
};

struct CertificateContent {
    std::vector<std::pair<std::string, std::string>> subject;  // {"CN", "..."}, in order
    std::int64_t not_before = 0;                               // seconds since 1970
    std::int64_t not_after = 0;
    std::optional<BasicConstraintsContent> basic_constraints;
    std::optional<KeyUsageContent> key_usage;
    bool key_identifiers = false;  // the subject's, and the issuer's where the issuer has one
    std::vector<ExtensionContent> extensions;
    HashAlgorithm hash = HashAlgorithm::sha384;
    long version = 3;
};

// The certificate in DER: `content` about `subject_key`, issued by `issuer_certificate` (DER;
// empty: by itself) and signed by `issuer_key`. The serial number is 16 random bytes.
base::Result<std::vector<std::byte>> issue_certificate(
    const CertificateContent& content, const PublicKey& subject_key,
    std::span<const std::byte> issuer_certificate, const PrivateKey& issuer_key);

// The certificate as PEM text.
base::Result<std::string> certificate_to_pem(std::span<const std::byte> der);

}  // namespace crypto
