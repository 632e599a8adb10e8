// Ed25519 keys with OpenSSL.
#include "crypto/identity.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/failure.h"
#include "crypto/key_pem.h"

namespace crypto {

base::Result<Identity> Identity::generate() {
    KeyHandle key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    if (key == nullptr) return failure("make an Ed25519 key");
    return Identity(std::move(key));
}

base::Result<Identity> Identity::from_pem(std::string_view pem, std::string_view name) {
    KeyHandle key = TRY(read_private_key(pem, name));
    if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
        return base::Error::data(std::string(name) + " holds a key that is not Ed25519")
            .with_hint("pipeline keygen makes one");
    }
    return Identity(std::move(key));
}

base::Result<std::string> Identity::to_pem() const {
    return write_private_key(key_.get());
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
