// The nonce of deterministic ECDSA (RFC 6979 section 3.2); for ecdsa.cpp only.
#pragma once

#include <openssl/bn.h>

#include <memory>
#include <span>
#include <vector>

#include "crypto/ecdsa.h"

namespace crypto {

struct FreeNumber {
    void operator()(BIGNUM* number) const { BN_clear_free(number); }
};
using Number = std::unique_ptr<BIGNUM, FreeNumber>;

// The message digest as an integer of at most the order's bits (bits2int in the RFC).
Number digest_to_number(std::span<const std::byte> digest, const BIGNUM* order);

// k in [1, order - 1] from the private key and the digest of the message.
base::Result<Number> make_nonce(Curve curve, const BIGNUM* order, const BIGNUM* private_key,
                                std::span<const std::byte> digest);

}  // namespace crypto
