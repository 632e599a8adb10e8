// Certificates as links of a chain that ends at a pinned root: strictly DER, version 3, P-384 and
// ecdsa-with-SHA384 throughout (RFC 5280 as far as such chains use it). A link says what it is; the
// rules say what is wrong with it. Which certificate is the root, and which time counts, is the
// caller's business; revocation is nobody's here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/p384.h"

namespace crypto {

inline constexpr std::size_t kMaximumLinkBytes = 4096;

struct Link {
    std::vector<std::byte> der;
    std::vector<std::byte> fingerprint;   // SHA-256 of der
    std::string subject;                  // for people: "CN=..., OU=...", printable
    std::vector<std::byte> subject_name;  // DER
    std::vector<std::byte> issuer_name;   // DER
    std::int64_t not_before = 0;          // seconds since 1970; both ends belong to the interval
    std::int64_t not_after = 0;
    std::string signature_algorithm;  // "ecdsa-with-SHA384"
    std::string key_kind;             // "P-384", or what it is instead
    std::optional<P384Key> key;       // absent for another kind
    std::vector<std::byte> signed_part;
    std::vector<std::byte> signature;  // DER

    bool has_basic_constraints = false;
    bool basic_constraints_critical = false;
    bool is_authority = false;
    std::optional<std::uint64_t> path_length;
    bool has_key_usage = false;
    bool may_sign_data = false;          // digitalSignature
    bool may_sign_certificates = false;  // keyCertSign
    std::string unknown_critical;        // the first critical extension not named above, or ""
};

// What is no certificate in DER, has bytes behind it or an extension twice, or is longer than
// kMaximumLinkBytes, is an Error (data); `name` is for its message.
base::Result<Link> parse_link(std::span<const std::byte> der, std::string_view name);
// The one certificate in PEM text: nothing else may be in it but text around it.
base::Result<Link> parse_link_pem(std::string_view pem, std::string_view name);

// What a rule wants, and what the link has.
struct Fault {
    std::string expected;
    std::string seen;
};

// Signature algorithm, curve, critical extensions.
std::optional<Fault> form_fault(const Link& link);
std::optional<Fault> validity_fault(const Link& link, std::int64_t seconds);
// As the issuer of others, with that many other authorities between it and the leaf.
std::optional<Fault> authority_fault(const Link& link, std::size_t authorities_below);
// As the key that signs the evidence.
std::optional<Fault> leaf_fault(const Link& link);
// Whether `issuer` issued it: the names are the same bytes, and the signature verifies.
std::optional<Fault> issuer_fault(const Link& link, const Link& issuer);

// "2022-11-09T22:51:57Z"
std::string format_time(std::int64_t seconds);

}  // namespace crypto
