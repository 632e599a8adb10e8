// Links of a chain: what is read from a certificate, and which rule finds what is wrong with it.
#include "crypto/chain.h"

#include <catch2/catch_test_macros.hpp>

#include "base/text.h"
#include "crypto/issue.h"

using crypto::CertificateContent;
using crypto::Curve;
using crypto::Link;
using crypto::PrivateKey;

namespace {

using Bytes = std::vector<std::byte>;

constexpr std::int64_t kStart = 1'700'000'000;
constexpr std::int64_t kEnd = 1'700'003'600;

CertificateContent authority(std::optional<std::uint32_t> path_length = {}) {
    CertificateContent content;
    content.subject = {{"CN", "authority"}, {"O", "test"}};
    content.not_before = kStart;
    content.not_after = kEnd;
    content.basic_constraints = {{.authority = true, .path_length = path_length}};
    content.key_usage = {{.bits = {0, 5, 6}}};
    return content;
}

CertificateContent leaf() {
    CertificateContent content = authority();
    content.subject = {{"CN", "leaf"}};
    content.basic_constraints.emplace();
    content.key_usage = {{.bits = {0, 1}, .critical = false}};
    return content;
}

PrivateKey new_key(Curve curve = Curve::p384) {
    auto key = PrivateKey::generate(curve);
    REQUIRE(key.ok());
    return std::move(key).value();
}

Bytes issue(const CertificateContent& content, const PrivateKey& subject, const Bytes& issuer,
            const PrivateKey& issuer_key) {
    const auto made =
        crypto::issue_certificate(content, subject.public_key().value(), issuer, issuer_key);
    REQUIRE(made.ok());
    return made.value();
}

Bytes self_signed(const CertificateContent& content, Curve curve = Curve::p384) {
    const PrivateKey key = new_key(curve);
    return issue(content, key, {}, key);
}

Link read(const Bytes& der) {
    auto link = crypto::parse_link(der, "link");
    REQUIRE(link.ok());
    return std::move(link).value();
}

std::string why_not(const Bytes& der) {
    const auto link = crypto::parse_link(der, "link");
    REQUIRE_FALSE(link.ok());
    CHECK(link.error().code == base::ExitCode::data);
    return link.error().message;
}

std::string say(const std::optional<crypto::Fault>& fault) {
    return fault ? fault->expected + " / " + fault->seen : "";
}

}  // namespace

TEST_CASE("a link says what its certificate says") {
    CertificateContent content = authority(2);
    content.key_identifiers = true;
    const Link link = read(self_signed(content));
    CHECK(link.subject == "O=test, CN=authority");
    CHECK(link.subject_name == link.issuer_name);
    CHECK(link.not_before == kStart);
    CHECK(link.not_after == kEnd);
    CHECK(link.signature_algorithm == "ecdsa-with-SHA384");
    CHECK(link.key_kind == "P-384");
    CHECK(link.has_basic_constraints);
    CHECK(link.basic_constraints_critical);
    CHECK(link.is_authority);
    CHECK(link.path_length == 2);
    CHECK(link.may_sign_data);
    CHECK(link.may_sign_certificates);
    CHECK(link.unknown_critical.empty());
    CHECK(link.fingerprint.size() == 32);
    CHECK_FALSE(crypto::form_fault(link));
    CHECK_FALSE(crypto::issuer_fault(link, link));
}

TEST_CASE("a certificate is in force from its first to its last second") {
    const Link link = read(self_signed(authority()));
    CHECK_FALSE(crypto::validity_fault(link, kStart));
    CHECK_FALSE(crypto::validity_fault(link, kEnd));
    CHECK(say(crypto::validity_fault(link, kStart - 1)) ==
          "a time from 2023-11-14T22:13:20Z on / 2023-11-14T22:13:19Z");
    CHECK(say(crypto::validity_fault(link, kEnd + 1)) ==
          "a time up to 2023-11-14T23:13:20Z / 2023-11-14T23:13:21Z");
}

TEST_CASE("an issuer is an authority, may sign certificates, and has no more below than it may") {
    CHECK_FALSE(crypto::authority_fault(read(self_signed(authority())), 100));
    const Link limited = read(self_signed(authority(1)));
    CHECK_FALSE(crypto::authority_fault(limited, 1));
    CHECK(say(crypto::authority_fault(limited, 2)) ==
          "at most 1 authorities below it (pathLen) / 2");
    CHECK(say(crypto::authority_fault(read(self_signed(leaf())), 0)) ==
          "a certificate authority (CA true) / CA false");

    CertificateContent content = authority();
    content.basic_constraints->critical = false;
    CHECK(say(crypto::authority_fault(read(self_signed(content)), 0)) ==
          "basicConstraints critical / not critical");
    content.basic_constraints.reset();
    CHECK(say(crypto::authority_fault(read(self_signed(content)), 0)) == "basicConstraints / none");
    content = authority();
    content.key_usage->bits = {0, 6};
    CHECK(say(crypto::authority_fault(read(self_signed(content)), 0)) ==
          "keyUsage with keyCertSign / keyUsage without");
    content.key_usage.reset();
    CHECK(say(crypto::authority_fault(read(self_signed(content)), 0)) ==
          "keyUsage with keyCertSign / no keyUsage");
}

TEST_CASE("a leaf is no authority, limits no path, and may sign data") {
    CHECK_FALSE(crypto::leaf_fault(read(self_signed(leaf()))));
    CHECK(say(crypto::leaf_fault(read(self_signed(authority())))) ==
          "no certificate authority (CA false) / CA true");
    CertificateContent content = leaf();
    content.basic_constraints->path_length = 0;
    CHECK(say(crypto::leaf_fault(read(self_signed(content)))) == "no pathLen / 0");
    content = leaf();
    content.key_usage->bits = {5};
    CHECK(say(crypto::leaf_fault(read(self_signed(content)))) ==
          "keyUsage with digitalSignature / keyUsage without");
    content.key_usage.reset();
    CHECK(say(crypto::leaf_fault(read(self_signed(content)))) ==
          "keyUsage with digitalSignature / no keyUsage");
    content.basic_constraints.reset();
    CHECK(say(crypto::leaf_fault(read(self_signed(content)))) == "basicConstraints / none");
}

TEST_CASE("other curves, other digests and unknown critical extensions are told") {
    CHECK(say(crypto::form_fault(read(self_signed(authority(), Curve::p256)))) ==
          "a key on P-384 / P-256");
    CHECK(say(crypto::form_fault(read(self_signed(authority(), Curve::p521)))) ==
          "a key on P-384 / P-521");
    CertificateContent content = authority();
    content.hash = crypto::HashAlgorithm::sha256;
    CHECK(say(crypto::form_fault(read(self_signed(content)))) ==
          "ecdsa-with-SHA384 / ecdsa-with-SHA256");
    content = authority();
    content.extensions = {{"1.2.3.4", false, Bytes(2)}};
    CHECK_FALSE(crypto::form_fault(read(self_signed(content))));
    content.extensions[0].critical = true;
    CHECK(say(crypto::form_fault(read(self_signed(content)))) ==
          "only known critical extensions / 1.2.3.4");
    // Name constraints are known to others, but not obeyed here.
    content.extensions = {{"2.5.29.30", true, base::from_hex("3000").value()}};
    CHECK(say(crypto::form_fault(read(self_signed(content)))) ==
          "only known critical extensions / X509v3 Name Constraints");
}

TEST_CASE("who issued a certificate is told by name and by signature") {
    const PrivateKey key = new_key();
    const PrivateKey other = new_key();
    const Bytes root = issue(authority(), key, {}, key);
    const Link good = read(issue(leaf(), other, root, key));
    CHECK_FALSE(crypto::issuer_fault(good, read(root)));
    // The right name, and the key of somebody else.
    const Link forged = read(issue(leaf(), other, root, other));
    CHECK(say(crypto::issuer_fault(forged, read(root))) ==
          "a signature by the key of O=test, CN=authority / one that does not verify");
    CertificateContent renamed = authority();
    renamed.subject[0].second = "another";
    CHECK(say(crypto::issuer_fault(good, read(issue(renamed, key, {}, key)))) ==
          "issued by O=test, CN=another / issued by another name");
}

TEST_CASE("a change of any byte breaks a certificate or its signature") {
    const PrivateKey key = new_key();
    const Bytes root_der = issue(authority(), key, {}, key);
    const Link root = read(root_der);
    Bytes der = issue(leaf(), new_key(), root_der, key);
    for (std::byte& byte : der) {
        byte ^= std::byte{0x04};
        const auto link = crypto::parse_link(der, "link");
        CHECK((!link.ok() || crypto::issuer_fault(link.value(), root).has_value()));
        byte ^= std::byte{0x04};
    }
}

TEST_CASE("what is no certificate in DER is refused with the reason") {
    const Bytes good = self_signed(authority());
    CHECK(why_not({}) == "link: no certificate");
    CHECK(why_not(Bytes(good.begin(), good.end() - 1)) == "link: no certificate");
    Bytes longer = good;
    longer.push_back(std::byte{0});
    CHECK(why_not(longer) == "link: bytes after the certificate");
    CHECK(why_not(Bytes(crypto::kMaximumLinkBytes + 1)) == "link: longer than 4096 bytes");
    CertificateContent content = authority();
    content.version = 1;
    content.basic_constraints.reset();
    content.key_usage.reset();
    CHECK(why_not(self_signed(content)) == "link: not of version 3");
    content = authority();
    content.extensions = {{"2.5.29.19", true, base::from_hex("3000").value()}};
    CHECK(why_not(self_signed(content)) == "link: an extension for the second time");
    content = authority();
    content.key_usage.reset();
    content.extensions = {{"2.5.29.15", true, base::from_hex("0500").value()}};
    CHECK(why_not(self_signed(content)) == "link: keyUsage that is none");
}

TEST_CASE("BER that is not DER is refused, though OpenSSL reads it") {
    Bytes der = self_signed(authority());
    // The outermost length, 82 xx xx, with a zero in front.
    REQUIRE(der[1] == std::byte{0x82});
    der[1] = std::byte{0x83};
    der.insert(der.begin() + 2, std::byte{0});
    CHECK(why_not(der) == "link: not in DER");
}

TEST_CASE("PEM holds one certificate") {
    const Bytes der = self_signed(authority());
    const std::string pem = crypto::certificate_to_pem(der).value();
    const auto link = crypto::parse_link_pem("a comment\n" + pem, "file");
    REQUIRE(link.ok());
    CHECK(link.value().der == der);
    const auto two = crypto::parse_link_pem(pem + pem, "file");
    REQUIRE_FALSE(two.ok());
    CHECK(two.error().message == "file: more than one certificate");
    const auto none = crypto::parse_link_pem("", "file");
    REQUIRE_FALSE(none.ok());
    CHECK(none.error().message == "file: no certificate in PEM");
}

TEST_CASE("a key made here signs, is written, and is read again") {
    const PrivateKey key = new_key();
    const std::string pem = key.to_pem().value();
    CHECK(pem.starts_with("-----BEGIN PRIVATE KEY-----"));
    const PrivateKey again = PrivateKey::from_pem(pem, "key").value();
    CHECK(again.public_key().value() == key.public_key().value());
    const auto message = base::as_bytes("message");
    Bytes signature = again.sign(message).value();
    const Link link = read(issue(leaf(), key, {}, key));
    CHECK(link.key->verify(message, signature));
    CHECK_FALSE(link.key->verify(base::as_bytes("massage"), signature));
    CHECK_FALSE(link.key->verify(message, std::span(signature).first(95)));
    CHECK_FALSE(link.key->verify(message, Bytes(96)));
    signature[95] ^= std::byte{1};
    CHECK_FALSE(link.key->verify(message, signature));
}

TEST_CASE("memory is compared whole") {
    const auto same = [](std::string_view left, std::string_view right) {
        return crypto::equal_in_constant_time(base::as_bytes(left), base::as_bytes(right));
    };
    CHECK(same("", ""));
    CHECK(same("abc", "abc"));
    CHECK_FALSE(same("abc", "abd"));
    CHECK_FALSE(same("abc", "ab"));
    CHECK_FALSE(same("", "a"));
}
