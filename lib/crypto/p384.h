// Verification by keys on P-384 alone, for chains and documents of Nitro enclaves. GnuTLS does the
// arithmetic: it needs less than half of OpenSSL's time for this curve.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

struct gnutls_pubkey_st;

namespace crypto {

// Copies share the key. Signatures are over SHA-384 (ecdsa-with-SHA384, COSE's ES384).
class P384Key {
  public:
    // `info` is a SubjectPublicKeyInfo in DER. nullopt: not one of this curve by name, or a point
    // that is none.
    static std::optional<P384Key> from_info(std::span<const std::byte> info);

    // `signature` as X.509 has it: a SEQUENCE of r and s. Whatever does not verify is false.
    bool verify_der(std::span<const std::byte> message, std::span<const std::byte> signature) const;
    // `signature` as COSE has it: r || s, 96 bytes.
    bool verify(std::span<const std::byte> message, std::span<const std::byte> signature) const;

  private:
    explicit P384Key(std::shared_ptr<gnutls_pubkey_st> key) : key_(std::move(key)) {}
    std::shared_ptr<gnutls_pubkey_st> key_;
};

}  // namespace crypto
