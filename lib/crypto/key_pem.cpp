// One way in and one way out.
#include "crypto/key_pem.h"

#include <openssl/crypto.h>
#include <openssl/pem.h>

#include "crypto/failure.h"
#include "crypto/openssl.h"

namespace crypto {

namespace {

// An encrypted key must not make the tool ask on the terminal.
int refuse_passphrase(char*, int, int, void*) {
    return -1;
}

}  // namespace

base::Result<KeyHandle> read_private_key(std::string_view pem, std::string_view name) {
    const Bio source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    KeyHandle key(PEM_read_bio_PrivateKey(source.get(), nullptr, refuse_passphrase, nullptr));
    if (key == nullptr) {
        return bad_input("read a private key from", name)
            .with_hint("it must be PEM and not encrypted");
    }
    return key;
}

base::Result<std::string> write_private_key(const evp_pkey_st* key) {
    const Bio target(BIO_new(BIO_s_mem()));
    if (target == nullptr || PEM_write_bio_PKCS8PrivateKey(target.get(), key, nullptr, nullptr, 0,
                                                           nullptr, nullptr) != 1) {
        return failure("write a private key");
    }
    char* start = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(target.get(), &start));
    std::string pem(start, size);
    OPENSSL_cleanse(start, size);
    return pem;
}

}  // namespace crypto
