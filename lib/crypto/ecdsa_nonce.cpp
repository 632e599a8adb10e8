// RFC 6979: an HMAC generator seeded by key and message digest. Names V and K are the RFC's.
#include "crypto/ecdsa_nonce.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/failure.h"

namespace crypto {

namespace {

using Bytes = std::vector<std::byte>;

base::Result<Bytes> hmac(HashAlgorithm algorithm, const Bytes& key, const Bytes& message) {
    const EVP_MD* method = algorithm == HashAlgorithm::sha256   ? EVP_sha256()
                           : algorithm == HashAlgorithm::sha384 ? EVP_sha384()
                                                                : EVP_sha512();
    Bytes result(digest_size(algorithm));
    unsigned size = 0;
    if (HMAC(method, key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(message.data()), message.size(),
             reinterpret_cast<unsigned char*>(result.data()), &size) == nullptr ||
        size != result.size()) {
        return failure("compute an HMAC");
    }
    return result;
}

Bytes number_to_bytes(const BIGNUM* number, std::size_t size) {
    Bytes bytes(size);
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size));
    return bytes;
}

void append(Bytes& to, const Bytes& more) {
    to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

Number digest_to_number(std::span<const std::byte> digest, const BIGNUM* order) {
    Number number(BN_bin2bn(reinterpret_cast<const unsigned char*>(digest.data()),
                            static_cast<int>(digest.size()), nullptr));
    const int excess = static_cast<int>(digest.size() * 8) - BN_num_bits(order);
    if (number != nullptr && excess > 0) BN_rshift(number.get(), number.get(), excess);
    return number;
}

base::Result<Number> make_nonce(Curve curve, const BIGNUM* order, const BIGNUM* private_key,
                                std::span<const std::byte> digest) {
    const HashAlgorithm algorithm = hash_of(curve);
    const std::size_t size = scalar_size(curve);
    Number reduced = digest_to_number(digest, order);
    if (reduced == nullptr) return failure("allocate a number");
    // Both are below 2^bits(order), so one subtraction reduces.
    if (BN_cmp(reduced.get(), order) >= 0) BN_sub(reduced.get(), reduced.get(), order);

    Bytes seed = number_to_bytes(private_key, size);
    append(seed, number_to_bytes(reduced.get(), size));
    Bytes V(digest_size(algorithm), std::byte{1});
    Bytes K(digest_size(algorithm), std::byte{0});
    for (const std::byte round : {std::byte{0}, std::byte{1}}) {
        Bytes message = V;
        message.push_back(round);
        append(message, seed);
        K = TRY(hmac(algorithm, K, message));
        V = TRY(hmac(algorithm, K, V));
    }
    while (true) {
        Bytes candidate;
        while (candidate.size() < size) {
            V = TRY(hmac(algorithm, K, V));
            append(candidate, V);
        }
        candidate.resize(size);
        Number nonce = digest_to_number(candidate, order);
        if (nonce == nullptr) return failure("allocate a number");
        if (!BN_is_zero(nonce.get()) && BN_cmp(nonce.get(), order) < 0) return nonce;
        Bytes message = V;
        message.push_back(std::byte{0});
        K = TRY(hmac(algorithm, K, message));
        V = TRY(hmac(algorithm, K, V));
    }
}

}  // namespace crypto
