// ECDSA keys, verification by EVP, and signing with our own nonce: OpenSSL before 3.2 has no
// deterministic ECDSA.
#include "crypto/ecdsa.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/text.h"
#include "crypto/ecdsa_nonce.h"
#include "crypto/failure.h"

namespace crypto {

namespace {

template <auto free_function>
struct Free {
    template <typename T>
    void operator()(T* object) const {
        free_function(object);
    }
};
using Group = std::unique_ptr<EC_GROUP, Free<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Free<EC_POINT_clear_free>>;
using Scratch = std::unique_ptr<BN_CTX, Free<BN_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;
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

// An encrypted key must not make the tool ask on the terminal.
int refuse_passphrase(char*, int, int, void*) {
    return -1;
}

// s = (digest + r * key) / nonce mod order, masked by a random factor so that no operand of the
// multiplications repeats between runs.
bool solve(BIGNUM* s, const BIGNUM* r, const BIGNUM* digest, const BIGNUM* key, const BIGNUM* nonce,
           const BIGNUM* order, BN_CTX* scratch) {
    const Number mask(BN_new());
    const Number left(BN_secure_new());
    const Number right(BN_secure_new());
    const Number exponent(BN_new());
    if (mask == nullptr || left == nullptr || right == nullptr || exponent == nullptr) return false;
    do {
        if (BN_priv_rand_range(mask.get(), order) != 1) return false;
    } while (BN_is_zero(mask.get()));
    // The inverse by Fermat's theorem, because that exponentiation takes constant time.
    BN_set_flags(right.get(), BN_FLG_CONSTTIME);
    return BN_mod_mul(left.get(), mask.get(), key, order, scratch) == 1 &&
           BN_mod_mul(left.get(), left.get(), r, order, scratch) == 1 &&
           BN_mod_mul(right.get(), mask.get(), digest, order, scratch) == 1 &&
           BN_mod_add(left.get(), left.get(), right.get(), order, scratch) == 1 &&
           BN_mod_mul(right.get(), mask.get(), nonce, order, scratch) == 1 &&
           BN_copy(exponent.get(), order) != nullptr && BN_sub_word(exponent.get(), 2) == 1 &&
           BN_mod_exp_mont_consttime(right.get(), right.get(), exponent.get(), order, scratch,
                                     nullptr) == 1 &&
           BN_mod_mul(s, left.get(), right.get(), order, scratch) == 1;
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
    const std::unique_ptr<BIO, Free<BIO_free_all>> source(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    KeyHandle key(PEM_read_bio_PrivateKey(source.get(), nullptr, refuse_passphrase, nullptr));
    if (key == nullptr) {
        return bad_input("read a private key from", name)
            .with_hint("it must be PEM and not encrypted");
    }
    const base::Result<Curve> curve = curve_of(key.get());
    if (!curve.ok()) return base::Error(curve.error()).at(name);
    return PrivateKey(std::move(key), curve.value());
}

base::Result<PublicKey> PrivateKey::public_key() const {
    EVP_PKEY_up_ref(key_.get());
    return PublicKey::adopt(KeyHandle(key_.get()));
}

base::Result<std::vector<std::byte>> PrivateKey::sign(std::span<const std::byte> message) const {
    const std::size_t size = scalar_size(curve_);
    const std::vector<std::byte> digest = TRY(hash(hash_of(curve_), message));
    const Group group(EC_GROUP_new_by_curve_name(group_number(curve_)));
    const Scratch scratch(BN_CTX_secure_new());
    BIGNUM* scalar = nullptr;
    if (group == nullptr || scratch == nullptr ||
        EVP_PKEY_get_bn_param(key_.get(), OSSL_PKEY_PARAM_PRIV_KEY, &scalar) != 1) {
        return failure("use a private key");
    }
    const Number key(scalar);
    const BIGNUM* order = EC_GROUP_get0_order(group.get());
    const Number nonce = TRY(make_nonce(curve_, order, key.get(), digest));
    const Number number = digest_to_number(digest, order);
    const Number r(BN_new());
    const Number s(BN_new());
    const Point point(EC_POINT_new(group.get()));
    if (number == nullptr || r == nullptr || s == nullptr || point == nullptr ||
        EC_POINT_mul(group.get(), point.get(), nonce.get(), nullptr, nullptr, scratch.get()) != 1 ||
        EC_POINT_get_affine_coordinates(group.get(), point.get(), r.get(), nullptr,
                                        scratch.get()) != 1 ||
        BN_nnmod(r.get(), r.get(), order, scratch.get()) != 1 ||
        !solve(s.get(), r.get(), number.get(), key.get(), nonce.get(), order, scratch.get())) {
        return failure("sign");
    }
    std::vector<std::byte> signature(2 * size);
    auto* bytes = reinterpret_cast<unsigned char*>(signature.data());
    BN_bn2binpad(r.get(), bytes, static_cast<int>(size));
    BN_bn2binpad(s.get(), bytes + size, static_cast<int>(size));
    // A fault in the computation would give the key away; r or s of zero fails here, too.
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
