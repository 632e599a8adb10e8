// Message digests over OpenSSL's EVP interface; the only home of <openssl/...> besides its
// neighbours in this folder.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace crypto {

enum class HashAlgorithm { sha256, sha384, sha512, sha3_512 };

// Size of the algorithm's result in bytes: 32, 48, 64, 64.
std::size_t digest_size(HashAlgorithm algorithm);

// A running digest. update() in any pieces, then finish() once.
class Digest {
  public:
    static base::Result<Digest> create(HashAlgorithm algorithm);

    base::Result<void> update(std::span<const std::byte> bytes);
    // The result; the object is spent afterwards.
    base::Result<std::vector<std::byte>> finish();
    // A second digest with everything fed so far, going its own way from here.
    base::Result<Digest> copy() const;

  private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    explicit Digest(std::unique_ptr<evp_md_ctx_st, Free> context) : context_(std::move(context)) {}
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// The digest of one piece of memory.
base::Result<std::vector<std::byte>> hash(HashAlgorithm algorithm,
                                          std::span<const std::byte> bytes);

// Whether two pieces of memory are the same, in a time that depends on their lengths only.
bool equal_in_constant_time(std::span<const std::byte> left, std::span<const std::byte> right);

}  // namespace crypto
