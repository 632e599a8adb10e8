// ECDSA over P-256, P-384 and P-521 with the hash that COSE pairs with each curve (RFC 9053 2.1:
// ES256, ES384, ES512), signatures as r || s of fixed width.
//
// Signing is deterministic (RFC 6979): the same key and message give the same signature, so that
// signed images are reproducible, too.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/digest.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace crypto {

enum class Curve { p256, p384, p521 };

HashAlgorithm hash_of(Curve curve);
// Bytes of r, and of s: 32, 48, 66.
std::size_t scalar_size(Curve curve);
// "P-256", "P-384", "P-521".
std::string_view name_of(Curve curve);

struct FreeKey {
    void operator()(evp_pkey_st* key) const;
};
using KeyHandle = std::unique_ptr<evp_pkey_st, FreeKey>;

class PublicKey {
  public:
    // Takes over a key of OpenSSL; one of another kind or curve is an Error (data).
    static base::Result<PublicKey> adopt(KeyHandle key);

    Curve curve() const { return curve_; }
    // False for a signature of the wrong length, with r or s out of range, or that does not fit.
    base::Result<bool> verify(std::span<const std::byte> message,
                              std::span<const std::byte> signature) const;
    bool operator==(const PublicKey& other) const;
    // Borrowed; for the files of this room.
    evp_pkey_st* handle() const { return key_.get(); }

  private:
    PublicKey(KeyHandle key, Curve curve) : key_(std::move(key)), curve_(curve) {}
    KeyHandle key_;
    Curve curve_;
};

class PrivateKey {
  public:
    // The first private key in PEM text (SEC 1 or PKCS #8, not encrypted). `name` is for Errors.
    static base::Result<PrivateKey> from_pem(std::string_view pem, std::string_view name);
    static base::Result<PrivateKey> generate(Curve curve);

    Curve curve() const { return curve_; }
    // PKCS #8, not encrypted; wipe() it.
    base::Result<std::string> to_pem() const;
    base::Result<std::vector<std::byte>> sign(std::span<const std::byte> message) const;
    base::Result<PublicKey> public_key() const;
    // Borrowed; for the files of this room.
    evp_pkey_st* handle() const { return key_.get(); }

  private:
    PrivateKey(KeyHandle key, Curve curve) : key_(std::move(key)), curve_(curve) {}
    KeyHandle key_;
    Curve curve_;
};

// Overwrites key text that is no longer needed.
void wipe(std::string& secret);

}  // namespace crypto
