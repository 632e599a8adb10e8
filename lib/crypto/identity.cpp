// Ed25519 keys with OpenSSL.
#include "crypto/identity.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/failure.h"

namespace crypto {

namespace {

struct FreeBio {
    void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

}  // namespace

base::Result<Identity> Identity::generate() {
    KeyHandle key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    if (key == nullptr) return failure("make an Ed25519 key");
    return Identity(std::move(key));
}

base::Result<Identity> Identity::from_pem(std::string_view pem, std::string_view name) {
    const Bio source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    // A key with a passphrase fails instead of asking for it.
    const auto no_passphrase = [](char*, int, int, void*) { return -1; };
    KeyHandle key(PEM_read_bio_PrivateKey(source.get(), nullptr, no_passphrase, nullptr));
    if (key == nullptr) return bad_input("read a private key from", name);
    if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
        return base::Error::data(std::string(name) + " holds a key that is not Ed25519")
            .with_hint("pipeline keygen makes one");
    }
    return Identity(std::move(key));
}

base::Result<std::string> Identity::to_pem() const {
    const Bio target(BIO_new(BIO_s_mem()));
    if (target == nullptr || PEM_write_bio_PKCS8PrivateKey(target.get(), key_.get(), nullptr,
                                                           nullptr, 0, nullptr, nullptr) != 1) {
        return failure("encode a private key");
    }
    char* start = nullptr;
    const long size = BIO_get_mem_data(target.get(), &start);
    std::string pem(start, static_cast<std::size_t>(size));
    OPENSSL_cleanse(start, static_cast<std::size_t>(size));
    return pem;
}

base::Result<std::vector<std::byte>> Identity::public_key() const {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key_.get(), &der);
    if (size <= 0) return failure("encode a public key");
    const auto* bytes = reinterpret_cast<const std::byte*>(der);
    std::vector<std::byte> encoded(bytes, bytes + size);
    OPENSSL_free(der);
    return encoded;
}

base::Result<std::string> fingerprint(std::span<const std::byte> public_key) {
    const std::vector<std::byte> digest = TRY(hash(HashAlgorithm::sha256, public_key));
    unsigned char text[48];
    const int size = EVP_EncodeBlock(text, reinterpret_cast<const unsigned char*>(digest.data()),
                                     static_cast<int>(digest.size()));
    std::string_view encoded(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    while (encoded.ends_with('='))
        encoded.remove_suffix(1);
    return "SHA256:" + std::string(encoded);
}

}  // namespace crypto
