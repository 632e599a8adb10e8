// The Ed25519 key that one side of an attested channel proves itself with, and the name that
// others know it by. What a key may do is not decided here.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/ecdsa.h"

namespace crypto {

class Identity {
  public:
    static base::Result<Identity> generate();
    // The first private key in PEM text (PKCS #8, not encrypted); one that is not Ed25519 is an
    // Error (data). `name` is for Errors.
    static base::Result<Identity> from_pem(std::string_view pem, std::string_view name);

    // PKCS #8 in PEM; wipe() it when it is written.
    base::Result<std::string> to_pem() const;
    // DER SubjectPublicKeyInfo (RFC 8410): 44 bytes.
    base::Result<std::vector<std::byte>> public_key() const;

    evp_pkey_st* handle() const { return key_.get(); }

  private:
    explicit Identity(KeyHandle key) : key_(std::move(key)) {}
    KeyHandle key_;
};

// "SHA256:" and the SHA-256 of a DER SubjectPublicKeyInfo in base64 without padding, as ssh prints
// fingerprints (of its own encoding of keys: the two differ for the same key).
base::Result<std::string> fingerprint(std::span<const std::byte> public_key);

}  // namespace crypto
