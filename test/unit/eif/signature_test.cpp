// The signature section: made, read in both encodings, and refused when anything is off.
#include "signature.h"

#include <catch2/catch_test_macros.hpp>

#include "base/text.h"
#include "codec/cbor.h"

namespace {

constexpr std::string_view kKey =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgopNQZfDSiIO14TLN\n"
    "l09d+EYCQlLnA/96GmrzbxKcw66hRANCAASCgR+PUuQaiFdR+CyhyZNEN3DBaLjE\n"
    "8SmI6NpGNNeHhBiakuO6fejNpq1T0tkVFDNQKpkFzNnCUeHjOl/tS99m\n"
    "-----END PRIVATE KEY-----\n";

constexpr std::string_view kCertificate =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBeTCCAR+gAwIBAgIUI9QOqJwvBiiGkfZQYkov8Z62YiAwCgYIKoZIzj0EAwIw\n"
    "ETEPMA0GA1UEAwwGdmVjdG9yMCAXDTI2MTEyMDA5MTY0NVoYDzIxMjYxMDI3MDkx\n"
    "NjQ1WjARMQ8wDQYDVQQDDAZ2ZWN0b3IwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
    "AASCgR+PUuQaiFdR+CyhyZNEN3DBaLjE8SmI6NpGNNeHhBiakuO6fejNpq1T0tkV\n"
    "FDNQKpkFzNnCUeHjOl/tS99mo1MwUTAdBgNVHQ4EFgQU/5zilExR5UTgEiXGPfP4\n"
    "ZjeamekwHwYDVR0jBBgwFoAU/5zilExR5UTgEiXGPfP4ZjeamekwDwYDVR0TAQH/\n"
    "BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBx9LO6lpr2KLg09xLydRYvdMiUxP/5\n"
    "PRoJeqRWxWWYlwIhAN7kFPof4FywCWBf5g9KAluYsF0DxV2u5Dmk5KS5j2z8\n"
    "-----END CERTIFICATE-----\n";

eif::Signer make_signer() {
    return {crypto::PrivateKey::from_pem(kKey, "key").value(), std::string(kCertificate),
            crypto::parse_certificate(kCertificate, "certificate").value()};
}

eif::Pcr some_pcr(unsigned char fill) {
    eif::Pcr pcr;
    pcr.fill(static_cast<std::byte>(fill));
    return pcr;
}

}  // namespace

TEST_CASE("a signature counts for its PCR0 and for no other") {
    const auto section = eif::make_signature_section(make_signer(), some_pcr(7)).value();
    const auto parsed = eif::parse_signature_section(section).value();
    CHECK(parsed.algorithm == -7);
    CHECK(parsed.certificate_pem == kCertificate);
    CHECK(eif::check_signature(parsed, some_pcr(7)).value().fault.empty());
    CHECK(eif::check_signature(parsed, some_pcr(8)).value().fault ==
          "it was made for another PCR0");
}

TEST_CASE("PCR8 is the digest of the certificate's digest") {
    const auto section = eif::make_signature_section(make_signer(), some_pcr(1)).value();
    const auto verdict =
        eif::check_signature(eif::parse_signature_section(section).value(), some_pcr(1)).value();
    const auto digest =
        crypto::hash(crypto::HashAlgorithm::sha384, verdict.certificate.der).value();
    CHECK(verdict.pcr8 == eif::extend_from_zero(digest).value());
}

TEST_CASE("the section is made of integers, and byte strings are read as well") {
    const auto section = eif::make_signature_section(make_signer(), some_pcr(1)).value();
    const auto document = codec::cbor::parse(section).value();
    const auto* certificate = (*document.as_array())[0].find("signing_certificate");
    REQUIRE(certificate->as_array() != nullptr);
    CHECK(certificate->as_array()->size() == kCertificate.size());

    const auto parsed = eif::parse_signature_section(section).value();
    std::vector<std::byte> cose;
    for (const auto& item : *(*document.as_array())[0].find("signature")->as_array()) {
        cose.push_back(static_cast<std::byte>(*item.as_unsigned()));
    }
    std::vector<std::byte> other;
    codec::cbor::Writer(other)
        .array(1)
        .map(2)
        .text("signing_certificate")
        .bytes(base::as_bytes(kCertificate))
        .text("signature")
        .bytes(cose);
    const auto again = eif::parse_signature_section(other).value();
    CHECK(eif::check_signature(again, some_pcr(1)).value().fault.empty());
    CHECK(again.signature == parsed.signature);
}

TEST_CASE("a changed byte anywhere in the section is noticed") {
    const auto section = eif::make_signature_section(make_signer(), some_pcr(1)).value();
    const auto good =
        eif::check_signature(eif::parse_signature_section(section).value(), some_pcr(1)).value();
    for (std::size_t at = 0; at < section.size(); ++at) {
        INFO(at);
        auto changed = section;
        changed[at] ^= std::byte{1};
        const auto parsed = eif::parse_signature_section(changed);
        if (!parsed.ok()) continue;
        const auto verdict = eif::check_signature(parsed.value(), some_pcr(1));
        if (!verdict.ok()) continue;
        // A blank of the PEM text may change without changing the certificate, nothing else.
        const bool same_certificate = verdict->certificate.der == good.certificate.der;
        CHECK((!verdict->fault.empty() || !same_certificate ||
               parsed->signature == eif::parse_signature_section(section)->signature));
    }
}

TEST_CASE("sections that are cut or empty are malformed") {
    const auto section = eif::make_signature_section(make_signer(), some_pcr(1)).value();
    for (std::size_t size = 0; size < section.size(); size += 13) {
        CHECK_FALSE(eif::parse_signature_section(std::span(section).first(size)).ok());
    }
}

TEST_CASE("a certificate too long for the section is refused with a way out") {
    eif::Signer signer = make_signer();
    signer.certificate_pem += std::string(20'000, '#');
    const auto section = eif::make_signature_section(signer, some_pcr(1));
    REQUIRE_FALSE(section.ok());
    CHECK_FALSE(section.error().hint.empty());
}
