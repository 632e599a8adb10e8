// Digests by EVP, which picks the processor's own instructions.
#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "crypto/failure.h"

namespace crypto {

namespace {

const EVP_MD* method(HashAlgorithm algorithm) {
    switch (algorithm) {
        case HashAlgorithm::sha256: return EVP_sha256();
        case HashAlgorithm::sha384: return EVP_sha384();
        case HashAlgorithm::sha512: return EVP_sha512();
        case HashAlgorithm::sha3_512: return EVP_sha3_512();
    }
    return nullptr;
}

}  // namespace

std::size_t digest_size(HashAlgorithm algorithm) {
    switch (algorithm) {
        case HashAlgorithm::sha256: return 32;
        case HashAlgorithm::sha384: return 48;
        case HashAlgorithm::sha512:
        case HashAlgorithm::sha3_512: return 64;
    }
    return 0;
}

void Digest::Free::operator()(evp_md_ctx_st* context) const {
    EVP_MD_CTX_free(context);
}

base::Result<Digest> Digest::create(HashAlgorithm algorithm) {
    std::unique_ptr<evp_md_ctx_st, Free> context(EVP_MD_CTX_new());
    if (context == nullptr || EVP_DigestInit_ex(context.get(), method(algorithm), nullptr) != 1) {
        return failure("start a digest");
    }
    return Digest(std::move(context));
}

base::Result<void> Digest::update(std::span<const std::byte> bytes) {
    if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) {
        return failure("continue a digest");
    }
    return {};
}

base::Result<std::vector<std::byte>> Digest::finish() {
    std::vector<std::byte> result(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(result.data()),
                           &size) != 1) {
        return failure("finish a digest");
    }
    result.resize(size);
    return result;
}

base::Result<Digest> Digest::copy() const {
    std::unique_ptr<evp_md_ctx_st, Free> context(EVP_MD_CTX_new());
    if (context == nullptr || EVP_MD_CTX_copy_ex(context.get(), context_.get()) != 1) {
        return failure("copy a digest");
    }
    return Digest(std::move(context));
}

base::Result<std::vector<std::byte>> hash(HashAlgorithm algorithm,
                                          std::span<const std::byte> bytes) {
    Digest digest = TRY(Digest::create(algorithm));
    TRY(digest.update(bytes));
    return digest.finish();
}

bool equal_in_constant_time(std::span<const std::byte> left, std::span<const std::byte> right) {
    return left.size() == right.size() &&
           CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace crypto
