// Reading a link with OpenSSL, which reads more than DER: what it read is written again and held
// against the input.
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>

#include <algorithm>
#include <ctime>

#include "base/format.h"
#include "base/text.h"
#include "crypto/chain.h"
#include "crypto/digest.h"
#include "crypto/ecdsa.h"
#include "crypto/failure.h"
#include "crypto/openssl.h"

namespace crypto {

namespace {

constexpr int kDigitalSignatureBit = 0;  // RFC 5280 4.2.1.3
constexpr int kKeyCertSignBit = 5;
constexpr std::size_t kMaximumPemBytes = 16'384;

base::Error bad(std::string_view name, std::string_view why) {
    ERR_clear_error();
    return base::Error::data(fmt::format("{}: {}", name, why));
}

base::Result<std::int64_t> seconds(const ASN1_TIME* time, std::string_view name) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return bad(name, "a time that is none");
    return static_cast<std::int64_t>(::timegm(&parts));
}

std::string object_name(const ASN1_OBJECT* object) {
    char name[80] = "";
    OBJ_obj2txt(name, sizeof name, object, 0);
    return name;
}

std::string one_line(const X509_NAME* name) {
    std::string line;
    for (int index = X509_NAME_entry_count(name); index-- > 0;) {
        const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, index);
        const int number = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
        const char* label = number == NID_undef ? "?" : OBJ_nid2sn(number);
        const ASN1_STRING* value = X509_NAME_ENTRY_get_data(entry);
        const auto bytes = std::as_bytes(std::span(
            ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value))));
        line += fmt::format("{}{}={}", line.empty() ? "" : ", ", label,
                            base::escape(base::as_text(bytes), 80));
    }
    return line;
}

base::Result<void> read_basic_constraints(X509_EXTENSION* extension, Link& link,
                                          std::string_view name) {
    const BasicConstraints found(static_cast<BASIC_CONSTRAINTS*>(X509V3_EXT_d2i(extension)));
    if (found == nullptr) return bad(name, "basicConstraints that are none");
    link.has_basic_constraints = true;
    link.basic_constraints_critical = X509_EXTENSION_get_critical(extension) == 1;
    link.is_authority = found->ca != 0;
    if (found->pathlen == nullptr) return {};
    std::uint64_t length = 0;
    if (ASN1_INTEGER_get_uint64(&length, found->pathlen) != 1) return bad(name, "a bad pathLen");
    link.path_length = length;
    return {};
}

base::Result<void> read_key_usage(X509_EXTENSION* extension, Link& link, std::string_view name) {
    const BitString found(static_cast<ASN1_BIT_STRING*>(X509V3_EXT_d2i(extension)));
    if (found == nullptr) return bad(name, "keyUsage that is none");
    link.has_key_usage = true;
    link.may_sign_data = ASN1_BIT_STRING_get_bit(found.get(), kDigitalSignatureBit) == 1;
    link.may_sign_certificates = ASN1_BIT_STRING_get_bit(found.get(), kKeyCertSignBit) == 1;
    return {};
}

base::Result<void> read_extensions(const X509* certificate, Link& link, std::string_view name) {
    std::vector<const ASN1_OBJECT*> seen;
    for (int index = 0; index < X509_get_ext_count(certificate); ++index) {
        X509_EXTENSION* extension = X509_get_ext(certificate, index);
        const ASN1_OBJECT* kind = X509_EXTENSION_get_object(extension);
        for (const ASN1_OBJECT* earlier : seen) {
            if (OBJ_cmp(earlier, kind) == 0) return bad(name, "an extension for the second time");
        }
        seen.push_back(kind);
        const int number = OBJ_obj2nid(kind);
        if (number == NID_basic_constraints) {
            TRY(read_basic_constraints(extension, link, name));
        } else if (number == NID_key_usage) {
            TRY(read_key_usage(extension, link, name));
        } else if (X509_EXTENSION_get_critical(extension) == 1 && link.unknown_critical.empty()) {
            link.unknown_critical = object_name(kind);
        }
    }
    return {};
}

base::Result<void> read_signature(const X509* certificate, Link& link, std::string_view name) {
    const ASN1_BIT_STRING* signature = nullptr;
    const X509_ALGOR* algorithm = nullptr;
    X509_get0_signature(&signature, &algorithm, certificate);
    // Unused bits that are zero are DER, too, but a second spelling of the same signature.
    if ((signature->flags & 0x07) != 0) return bad(name, "a signature that is no whole bytes");
    if (X509_ALGOR_cmp(algorithm, X509_get0_tbs_sigalg(certificate)) != 0) {
        return bad(name, "two signature algorithms that differ");
    }
    const ASN1_OBJECT* kind = nullptr;
    int parameter_type = V_ASN1_UNDEF;
    X509_ALGOR_get0(&kind, &parameter_type, nullptr, algorithm);
    link.signature_algorithm = object_name(kind);
    if (parameter_type != V_ASN1_UNDEF) link.signature_algorithm += " with parameters";
    const auto bytes = std::as_bytes(std::span(
        ASN1_STRING_get0_data(signature), static_cast<std::size_t>(ASN1_STRING_length(signature))));
    link.signature.assign(bytes.begin(), bytes.end());
    return {};
}

// A curve must stand there by its name: parameters that spell one out are somebody's own.
std::string kind_of_key(X509_PUBKEY* info) {
    ASN1_OBJECT* kind = nullptr;
    X509_ALGOR* algorithm = nullptr;
    if (X509_PUBKEY_get0_param(&kind, nullptr, nullptr, &algorithm, info) != 1) return "no key";
    if (OBJ_obj2nid(kind) != NID_X9_62_id_ecPublicKey) return object_name(kind);
    const void* parameter = nullptr;
    int parameter_type = V_ASN1_UNDEF;
    X509_ALGOR_get0(nullptr, &parameter_type, &parameter, algorithm);
    if (parameter_type != V_ASN1_OBJECT) return "a curve by parameters of its own";
    const auto* curve = static_cast<const ASN1_OBJECT*>(parameter);
    const char* name = EC_curve_nid2nist(OBJ_obj2nid(curve));
    return name == nullptr ? object_name(curve) : name;
}

void read_key(const X509* certificate, Link& link) {
    X509_PUBKEY* info = X509_get_X509_PUBKEY(certificate);
    link.key_kind = kind_of_key(info);
    if (link.key_kind != name_of(Curve::p384)) return;
    link.key = P384Key::from_info(to_der<const X509_PUBKEY>(i2d_X509_PUBKEY, info));
    if (!link.key) link.key_kind = "no point on P-384";
}

// OpenSSL with no algorithm in it. With its usual context, reading a certificate sets up the public
// key at once, which takes six times as long as all the rest and is not needed here. Like the usual
// context, this one is made at its first use, does not change and stays: making it costs more.
OSSL_LIB_CTX* without_algorithms() {
    static OSSL_LIB_CTX* const context = [] {
        OSSL_LIB_CTX* made = OSSL_LIB_CTX_new();
        if (made != nullptr && OSSL_PROVIDER_load(made, "null") != nullptr) return made;
        OSSL_LIB_CTX_free(made);
        return static_cast<OSSL_LIB_CTX*>(nullptr);
    }();
    return context;
}

base::Result<Link> describe(X509* certificate, std::span<const std::byte> der,
                            std::string_view name) {
    Link link;
    link.signed_part = to_der<X509>(i2d_re_X509_tbs, certificate);
    if (!std::ranges::equal(to_der<const X509>(i2d_X509, certificate), der)) {
        return bad(name, "not in DER");
    }
    link.der.assign(der.begin(), der.end());
    link.fingerprint = TRY(hash(HashAlgorithm::sha256, der));
    if (X509_get_version(certificate) != X509_VERSION_3) return bad(name, "not of version 3");
    link.subject = one_line(X509_get_subject_name(certificate));
    link.subject_name = to_der<const X509_NAME>(i2d_X509_NAME, X509_get_subject_name(certificate));
    link.issuer_name = to_der<const X509_NAME>(i2d_X509_NAME, X509_get_issuer_name(certificate));
    link.not_before = TRY(seconds(X509_get0_notBefore(certificate), name));
    link.not_after = TRY(seconds(X509_get0_notAfter(certificate), name));
    TRY(read_signature(certificate, link, name));
    TRY(read_extensions(certificate, link, name));
    read_key(certificate, link);
    ERR_clear_error();
    return link;
}

}  // namespace

base::Result<Link> parse_link(std::span<const std::byte> der, std::string_view name) {
    if (der.size() > kMaximumLinkBytes) {
        return bad(name, fmt::format("longer than {} bytes", kMaximumLinkBytes));
    }
    const auto* start = reinterpret_cast<const unsigned char*>(der.data());
    const auto* end = start;
    // Without that context the usual one serves, more slowly.
    X509* made = X509_new_ex(without_algorithms(), nullptr);
    if (made == nullptr) return failure("read a certificate");
    // When it fails, it frees what it was given.
    const X509Handle certificate(d2i_X509(&made, &end, static_cast<long>(der.size())));
    if (certificate == nullptr) return bad(name, "no certificate");
    if (end != start + der.size()) return bad(name, "bytes after the certificate");
    return describe(certificate.get(), der, name);
}

base::Result<Link> parse_link_pem(std::string_view pem, std::string_view name) {
    if (pem.size() > kMaximumPemBytes) {
        return bad(name, fmt::format("longer than {} bytes", kMaximumPemBytes));
    }
    const Bio source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    if (source == nullptr) return failure("read PEM");
    const X509Handle certificate(PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) return bad(name, "no certificate in PEM");
    const X509Handle second(PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr));
    if (second != nullptr) return bad(name, "more than one certificate");
    const std::vector<std::byte> der = to_der<const X509>(i2d_X509, certificate.get());
    return parse_link(der, name);
}

}  // namespace crypto
