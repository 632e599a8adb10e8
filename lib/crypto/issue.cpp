// One step for each part of a certificate; a step that fails says which.
#include "crypto/issue.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>

#include "crypto/failure.h"
#include "crypto/openssl.h"

namespace crypto {

namespace {

using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;
using Name = std::unique_ptr<X509_NAME, Free<X509_NAME_free>>;
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Object = std::unique_ptr<ASN1_OBJECT, Free<ASN1_OBJECT_free>>;
using OctetString = std::unique_ptr<ASN1_OCTET_STRING, Free<ASN1_OCTET_STRING_free>>;

constexpr char kMakeCertificate[] = "make a certificate";

base::Result<X509Handle> read(std::span<const std::byte> der) {
    const auto* from = reinterpret_cast<const unsigned char*>(der.data());
    X509Handle certificate(d2i_X509(nullptr, &from, static_cast<long>(der.size())));
    if (certificate == nullptr) return bad_input("read", "the certificate");
    return certificate;
}

base::Result<void> set_serial(X509* certificate) {
    std::array<unsigned char, 16> bytes{};
    if (RAND_bytes(bytes.data(), bytes.size()) != 1) return failure("draw a serial number");
    bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7FU) | 0x40U);  // positive, full length
    const Number number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
    if (number == nullptr ||
        BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr) {
        return failure("draw a serial number");
    }
    return {};
}

base::Result<void> set_subject(X509* certificate, const CertificateContent& content) {
    const Name name(X509_NAME_new());
    for (const auto& [field, text] : content.subject) {
        const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
        if (X509_NAME_add_entry_by_txt(name.get(), field.c_str(), MBSTRING_UTF8, bytes,
                                       static_cast<int>(text.size()), -1, 0) != 1) {
            return failure("name a certificate's subject");
        }
    }
    if (X509_set_subject_name(certificate, name.get()) != 1) return failure(kMakeCertificate);
    return {};
}

base::Result<void> add_basic_constraints(X509* certificate,
                                         const BasicConstraintsContent& content) {
    const BasicConstraints made(BASIC_CONSTRAINTS_new());
    if (made == nullptr) return failure(kMakeCertificate);
    made->ca = content.authority ? 0xFF : 0;
    if (content.path_length) {
        made->pathlen = ASN1_INTEGER_new();
        ASN1_INTEGER_set_uint64(made->pathlen, *content.path_length);
    }
    if (X509_add1_ext_i2d(certificate, NID_basic_constraints, made.get(), content.critical ? 1 : 0,
                          X509V3_ADD_APPEND) != 1) {
        return failure("add basicConstraints");
    }
    return {};
}

base::Result<void> add_key_usage(X509* certificate, const KeyUsageContent& content) {
    const BitString made(ASN1_BIT_STRING_new());
    for (const int bit : content.bits)
        ASN1_BIT_STRING_set_bit(made.get(), bit, 1);
    if (X509_add1_ext_i2d(certificate, NID_key_usage, made.get(), content.critical ? 1 : 0,
                          X509V3_ADD_APPEND) != 1) {
        return failure("add keyUsage");
    }
    return {};
}

// The authority's identifier is taken from the issuer, so the subject's own comes first.
base::Result<void> add_key_identifiers(X509* certificate, X509* issuer) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const auto add = [&](int kind, const char* value) {
        const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
        return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
    };
    if (!add(NID_subject_key_identifier, "hash")) return failure("add a key identifier");
    if (issuer == certificate || X509_get_ext_by_NID(issuer, NID_subject_key_identifier, -1) < 0) {
        return {};
    }
    if (!add(NID_authority_key_identifier, "keyid")) return failure("add a key identifier");
    return {};
}

base::Result<void> add_extension(X509* certificate, const ExtensionContent& content) {
    const Object object(OBJ_txt2obj(content.object.c_str(), 1));
    const OctetString value(ASN1_OCTET_STRING_new());
    if (object == nullptr || value == nullptr) return failure("add an extension");
    const auto* bytes = reinterpret_cast<const unsigned char*>(content.value.data());
    ASN1_OCTET_STRING_set(value.get(), bytes, static_cast<int>(content.value.size()));
    const Extension extension(
        X509_EXTENSION_create_by_OBJ(nullptr, object.get(), content.critical ? 1 : 0, value.get()));
    if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1) {
        return failure("add an extension");
    }
    return {};
}

const EVP_MD* method(HashAlgorithm hash) {
    return hash == HashAlgorithm::sha256 ? EVP_sha256() : EVP_sha384();
}

}  // namespace

base::Result<std::vector<std::byte>> issue_certificate(
    const CertificateContent& content, const PublicKey& subject_key,
    std::span<const std::byte> issuer_certificate, const PrivateKey& issuer_key) {
    const X509Handle certificate(X509_new());
    if (certificate == nullptr) return failure(kMakeCertificate);
    TRY(set_serial(certificate.get()));
    TRY(set_subject(certificate.get(), content));
    X509Handle other;
    if (!issuer_certificate.empty()) other = TRY(read(issuer_certificate));
    X509* const issuer = other == nullptr ? certificate.get() : other.get();
    if (X509_set_version(certificate.get(), content.version - 1) != 1 ||
        X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer)) != 1 ||
        ASN1_TIME_set(X509_getm_notBefore(certificate.get()), content.not_before) == nullptr ||
        ASN1_TIME_set(X509_getm_notAfter(certificate.get()), content.not_after) == nullptr ||
        X509_set_pubkey(certificate.get(), subject_key.handle()) != 1) {
        return failure(kMakeCertificate);
    }
    if (content.basic_constraints) {
        TRY(add_basic_constraints(certificate.get(), *content.basic_constraints));
    }
    if (content.key_identifiers) TRY(add_key_identifiers(certificate.get(), issuer));
    if (content.key_usage) TRY(add_key_usage(certificate.get(), *content.key_usage));
    for (const ExtensionContent& extension : content.extensions)
        TRY(add_extension(certificate.get(), extension));
    if (X509_sign(certificate.get(), issuer_key.handle(), method(content.hash)) <= 0) {
        return failure("sign a certificate");
    }
    return to_der<const X509>(i2d_X509, certificate.get());
}

base::Result<std::string> certificate_to_pem(std::span<const std::byte> der) {
    const X509Handle certificate = TRY(read(der));
    const Bio text(BIO_new(BIO_s_mem()));
    if (text == nullptr || PEM_write_bio_X509(text.get(), certificate.get()) != 1) {
        return failure("write a certificate");
    }
    char* start = nullptr;
    const long size = BIO_get_mem_data(text.get(), &start);
    return std::string(start, static_cast<std::size_t>(size));
}

}  // namespace crypto
