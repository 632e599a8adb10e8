// Reading a certificate with OpenSSL.
#include "crypto/certificate.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>

#include "crypto/failure.h"
#include "crypto/openssl.h"

namespace crypto {

namespace {

std::string object_name(const ASN1_OBJECT* object) {
    char name[80] = "";
    OBJ_obj2txt(name, sizeof name, object, 0);
    return name;
}

std::string time_text(const ASN1_TIME* time) {
    const Bio text(BIO_new(BIO_s_mem()));
    if (text == nullptr || ASN1_TIME_print(text.get(), time) != 1) return {};
    char* start = nullptr;
    const long size = BIO_get_mem_data(text.get(), &start);
    return {start, static_cast<std::size_t>(size)};
}

base::Result<std::int64_t> seconds(const ASN1_TIME* time, std::string_view name) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return bad_input("read a time in", name);
    return static_cast<std::int64_t>(::timegm(&parts));
}

std::vector<std::pair<std::string, std::string>> entries(const X509_NAME* name) {
    std::vector<std::pair<std::string, std::string>> found;
    for (int index = 0; index < X509_NAME_entry_count(name); ++index) {
        const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, index);
        unsigned char* text = nullptr;
        const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
        if (size >= 0) {
            found.emplace_back(
                object_name(X509_NAME_ENTRY_get_object(entry)),
                std::string(reinterpret_cast<char*>(text), static_cast<std::size_t>(size)));
        }
        OPENSSL_free(text);
    }
    return found;
}

}  // namespace

base::Result<Certificate> parse_certificate(std::string_view pem, std::string_view name) {
    const Bio source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const X509Handle certificate(PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) return bad_input("read a certificate from", name);
    KeyHandle handle(X509_get_pubkey(certificate.get()));
    if (handle == nullptr) return bad_input("read the public key of", name);
    base::Result<PublicKey> key = PublicKey::adopt(std::move(handle));
    if (!key.ok()) return std::move(key).error().at(name);

    std::vector<std::byte> encoded = to_der<const X509>(i2d_X509, certificate.get());
    if (encoded.empty()) return failure("encode a certificate");

    const ASN1_BIT_STRING* signature = nullptr;
    X509_get0_signature(&signature, nullptr, certificate.get());
    const auto* signature_bytes =
        reinterpret_cast<const std::byte*>(ASN1_STRING_get0_data(signature));
    const ASN1_TIME* not_before = X509_get0_notBefore(certificate.get());
    const ASN1_TIME* not_after = X509_get0_notAfter(certificate.get());
    const std::int64_t begin = TRY(seconds(not_before, name));
    const std::int64_t end = TRY(seconds(not_after, name));
    return Certificate{
        .der = std::move(encoded),
        .issuer = entries(X509_get_issuer_name(certificate.get())),
        .signature_algorithm = object_name(OBJ_nid2obj(X509_get_signature_nid(certificate.get()))),
        .signature = {signature_bytes, signature_bytes + ASN1_STRING_length(signature)},
        .not_before_text = time_text(not_before),
        .not_after_text = time_text(not_after),
        .not_before = begin,
        .not_after = end,
        .key = std::move(key).value(),
    };
}

}  // namespace crypto
