// Each answer but a clean yes is a no.
#include "crypto/p384.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

namespace crypto {

namespace {

constexpr unsigned kScalarBytes = 48;

gnutls_datum_t as_datum(std::span<const std::byte> bytes) {
    return {const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data())),
            static_cast<unsigned>(bytes.size())};
}

struct Datum {
    gnutls_datum_t value{};
    Datum() = default;
    Datum(const Datum&) = delete;
    Datum& operator=(const Datum&) = delete;
    ~Datum() { gnutls_free(value.data); }
};

bool is_on_p384(gnutls_pubkey_t key) {
    unsigned bits = 0;
    if (gnutls_pubkey_get_pk_algorithm(key, &bits) != GNUTLS_PK_ECDSA) return false;
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    Datum x;
    Datum y;
    return gnutls_pubkey_export_ecc_raw2(key, &curve, &x.value, &y.value, 0) >= 0 &&
           curve == GNUTLS_ECC_CURVE_SECP384R1;
}

}  // namespace

std::optional<P384Key> P384Key::from_info(std::span<const std::byte> info) {
    gnutls_pubkey_t made = nullptr;
    if (gnutls_pubkey_init(&made) < 0) return std::nullopt;
    std::shared_ptr<gnutls_pubkey_st> key(made, gnutls_pubkey_deinit);
    const gnutls_datum_t input = as_datum(info);
    if (gnutls_pubkey_import(made, &input, GNUTLS_X509_FMT_DER) < 0 || !is_on_p384(made)) {
        return std::nullopt;
    }
    return P384Key(std::move(key));
}

bool P384Key::verify_der(std::span<const std::byte> message,
                         std::span<const std::byte> signature) const {
    const gnutls_datum_t content = as_datum(message);
    const gnutls_datum_t claim = as_datum(signature);
    return gnutls_pubkey_verify_data2(key_.get(), GNUTLS_SIGN_ECDSA_SHA384, 0, &content, &claim) >=
           0;
}

bool P384Key::verify(std::span<const std::byte> message,
                     std::span<const std::byte> signature) const {
    if (signature.size() != std::size_t{2} * kScalarBytes) return false;
    const gnutls_datum_t r = as_datum(signature.first(kScalarBytes));
    const gnutls_datum_t s = as_datum(signature.last(kScalarBytes));
    Datum encoded;
    if (gnutls_encode_rs_value(&encoded.value, &r, &s) < 0) return false;
    return verify_der(message, std::as_bytes(std::span(encoded.value.data, encoded.value.size)));
}

}  // namespace crypto
