// ECDSA keys and verification by OpenSSL, signing by GnuTLS: OpenSSL before 3.2 has no
// deterministic ECDSA.
#include "crypto/ecdsa.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/format.h"
#include "base/text.h"
#include "crypto/failure.h"
#include "crypto/key_pem.h"
#include "crypto/openssl.h"

namespace crypto {

namespace {

using Signature = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;
using SigningKey = std::unique_ptr<gnutls_privkey_st, Free<gnutls_privkey_deinit>>;
using Verification = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

int group_number(Curve curve) {
    switch (curve) {
        case Curve::p256: return NID_X9_62_prime256v1;
        case Curve::p384: return NID_secp384r1;
        case Curve::p521: return NID_secp521r1;
    }
    return NID_undef;
}

base::Result<Curve> curve_of(EVP_PKEY* key) {
    char name[64] = "";
    std::size_t length = 0;
    if (EVP_PKEY_is_a(key, "EC") == 1 &&
        EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name,
                                       &length) == 1) {
        for (const Curve curve : {Curve::p256, Curve::p384, Curve::p521}) {
            if (OBJ_sn2nid(name) == group_number(curve)) return curve;
        }
    }
    return base::Error::data("the key is not an EC key on P-256, P-384 or P-521");
}

gnutls_sign_algorithm_t signing_algorithm(Curve curve) {
    switch (curve) {
        case Curve::p256: return GNUTLS_SIGN_ECDSA_SHA256;
        case Curve::p384: return GNUTLS_SIGN_ECDSA_SHA384;
        case Curve::p521: break;
    }
    return GNUTLS_SIGN_ECDSA_SHA512;
}

// A buffer of key material that is wiped.
struct KeyBytes {
    unsigned char* data = nullptr;
    std::size_t size = 0;
    ~KeyBytes() { OPENSSL_clear_free(data, size); }
};

// The key for GnuTLS, which reads PKCS #8 whatever form OpenSSL read it from.
base::Result<SigningKey> to_signing_key(EVP_PKEY* key) {
    // A key file may lack the public point; OpenSSL computed it, and GnuTLS wants to see it.
    if (EVP_PKEY_set_int_param(key, OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, 1) != 1) {
        return failure("use a private key");
    }
    const std::unique_ptr<PKCS8_PRIV_KEY_INFO, Free<PKCS8_PRIV_KEY_INFO_free>> info(
        EVP_PKEY2PKCS8(key));
    KeyBytes der;
    const int size = info == nullptr ? -1 : i2d_PKCS8_PRIV_KEY_INFO(info.get(), &der.data);
    if (size <= 0) return failure("use a private key");
    der.size = static_cast<std::size_t>(size);
    gnutls_privkey_t made = nullptr;
    if (gnutls_privkey_init(&made) != GNUTLS_E_SUCCESS) return failure("use a private key");
    SigningKey signing_key(made);
    const gnutls_datum_t input{der.data, static_cast<unsigned>(der.size)};
    const int status =
        gnutls_privkey_import_x509_raw(made, &input, GNUTLS_X509_FMT_DER, nullptr, 0);
    if (status != GNUTLS_E_SUCCESS) {
        return base::Error::data(
            fmt::format("cannot use the private key: {}", gnutls_strerror(status)));
    }
    return signing_key;
}

}  // namespace

HashAlgorithm hash_of(Curve curve) {
    switch (curve) {
        case Curve::p256: return HashAlgorithm::sha256;
        case Curve::p384: return HashAlgorithm::sha384;
        case Curve::p521: break;
    }
    return HashAlgorithm::sha512;
}

std::size_t scalar_size(Curve curve) {
    switch (curve) {
        case Curve::p256: return 32;
        case Curve::p384: return 48;
        case Curve::p521: break;
    }
    return 66;
}

std::string_view name_of(Curve curve) {
    switch (curve) {
        case Curve::p256: return "P-256";
        case Curve::p384: return "P-384";
        case Curve::p521: break;
    }
    return "P-521";
}

void FreeKey::operator()(evp_pkey_st* key) const {
    EVP_PKEY_free(key);
}

base::Result<PublicKey> PublicKey::adopt(KeyHandle key) {
    const Curve curve = TRY(curve_of(key.get()));
    return PublicKey(std::move(key), curve);
}

base::Result<bool> PublicKey::verify(std::span<const std::byte> message,
                                     std::span<const std::byte> signature) const {
    const std::size_t size = scalar_size(curve_);
    if (signature.size() != 2 * size) return false;
    const auto* bytes = reinterpret_cast<const unsigned char*>(signature.data());
    const Signature parts(ECDSA_SIG_new());
    BIGNUM* r = BN_bin2bn(bytes, static_cast<int>(size), nullptr);
    BIGNUM* s = BN_bin2bn(bytes + size, static_cast<int>(size), nullptr);
    if (parts == nullptr || ECDSA_SIG_set0(parts.get(), r, s) != 1) {
        return failure("read a signature");
    }
    unsigned char* der = nullptr;
    const int der_size = i2d_ECDSA_SIG(parts.get(), &der);
    const std::unique_ptr<unsigned char, decltype([](unsigned char* p) { OPENSSL_free(p); })> own(
        der);
    const Verification context(EVP_MD_CTX_new());
    const EVP_MD* method = curve_ == Curve::p256   ? EVP_sha256()
                           : curve_ == Curve::p384 ? EVP_sha384()
                                                   : EVP_sha512();
    if (der_size <= 0 || context == nullptr ||
        EVP_DigestVerifyInit(context.get(), nullptr, method, nullptr, key_.get()) != 1) {
        return failure("verify a signature");
    }
    const int fits =
        EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(der_size),
                         reinterpret_cast<const unsigned char*>(message.data()), message.size());
    if (fits != 1) (void)failure("");  // empties OpenSSL's queue: a mismatch is an answer
    return fits == 1;
}

bool PublicKey::operator==(const PublicKey& other) const {
    return EVP_PKEY_eq(key_.get(), other.key_.get()) == 1;
}

base::Result<PrivateKey> PrivateKey::from_pem(std::string_view pem, std::string_view name) {
    KeyHandle key = TRY(read_private_key(pem, name));
    const base::Result<Curve> curve = curve_of(key.get());
    if (!curve.ok()) return base::Error(curve.error()).at(name);
    return PrivateKey(std::move(key), curve.value());
}

base::Result<PrivateKey> PrivateKey::generate(Curve curve) {
    KeyHandle key(EVP_EC_gen(OBJ_nid2sn(group_number(curve))));
    if (key == nullptr) return failure("make a key");
    return PrivateKey(std::move(key), curve);
}

base::Result<std::string> PrivateKey::to_pem() const {
    return write_private_key(key_.get());
}

base::Result<PublicKey> PrivateKey::public_key() const {
    EVP_PKEY_up_ref(key_.get());
    return PublicKey::adopt(KeyHandle(key_.get()));
}

base::Result<std::vector<std::byte>> PrivateKey::sign(std::span<const std::byte> message) const {
    const SigningKey signing_key = TRY(to_signing_key(key_.get()));
    const gnutls_datum_t input{
        const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(message.data())),
        static_cast<unsigned>(message.size())};
    gnutls_datum_t der{};
    const int status = gnutls_privkey_sign_data2(signing_key.get(), signing_algorithm(curve_),
                                                 GNUTLS_PRIVKEY_FLAG_REPRODUCIBLE, &input, &der);
    if (status != GNUTLS_E_SUCCESS) {
        return base::Error(base::ExitCode::internal,
                           fmt::format("cannot sign: {}", gnutls_strerror(status)));
    }
    const unsigned char* from = der.data;
    const Signature parts(d2i_ECDSA_SIG(nullptr, &from, static_cast<long>(der.size)));
    gnutls_free(der.data);
    if (parts == nullptr) return failure("read a signature");
    const std::size_t size = scalar_size(curve_);
    std::vector<std::byte> signature(2 * size);
    auto* bytes = reinterpret_cast<unsigned char*>(signature.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), bytes, static_cast<int>(size));
    BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), bytes + size, static_cast<int>(size));
    // A fault in the computation would give the key away.
    const PublicKey check = TRY(public_key());
    if (!TRY(check.verify(message, signature))) {
        return base::Error(base::ExitCode::internal, "the signature made does not verify");
    }
    return signature;
}

void wipe(std::string& secret) {
    OPENSSL_cleanse(secret.data(), secret.size());
    secret.clear();
}

}  // namespace crypto
