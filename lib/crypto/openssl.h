// Owners of OpenSSL's objects, for the files of this room only.
#pragma once

#include <openssl/bio.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <span>
#include <vector>

namespace crypto {

template <auto free_function>
struct Free {
    template <typename T>
    void operator()(T* object) const {
        free_function(object);
    }
};

using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using X509Handle = std::unique_ptr<X509, Free<X509_free>>;
using BasicConstraints = std::unique_ptr<BASIC_CONSTRAINTS, Free<BASIC_CONSTRAINTS_free>>;
using BitString = std::unique_ptr<ASN1_BIT_STRING, Free<ASN1_BIT_STRING_free>>;

// The DER that one of OpenSSL's i2d functions writes; empty when it fails.
template <typename Object>
std::vector<std::byte> to_der(int (*encode)(Object*, unsigned char**), Object* object) {
    unsigned char* der = nullptr;
    const int size = encode(object, &der);
    if (size <= 0) return {};
    const auto bytes = std::as_bytes(std::span(der, static_cast<std::size_t>(size)));
    std::vector<std::byte> copy(bytes.begin(), bytes.end());
    OPENSSL_free(der);
    return copy;
}

}  // namespace crypto
