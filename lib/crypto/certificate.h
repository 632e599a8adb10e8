// X.509 certificates as far as an image's signature needs them: what they say, the key they hold
// and the bytes that get measured. No chain is built or trusted here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto/ecdsa.h"

namespace crypto {

struct Certificate {
    std::vector<std::byte> der;
    std::vector<std::pair<std::string, std::string>> issuer;  // long name, value; in order
    std::string signature_algorithm;                          // "ecdsa-with-SHA384"
    std::vector<std::byte> signature;
    std::string not_before_text;  // "Nov 20 08:18:48 2026 GMT"
    std::string not_after_text;
    std::int64_t not_before = 0;  // seconds since 1970
    std::int64_t not_after = 0;
    PublicKey key;
};

// The first certificate in PEM text; `name` is for Errors (data).
base::Result<Certificate> parse_certificate(std::string_view pem, std::string_view name);

}  // namespace crypto
