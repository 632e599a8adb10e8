// The rules; reading is in chain_read.cpp.
#include "crypto/chain.h"

#include <ctime>

#include "base/format.h"

namespace crypto {

namespace {

constexpr std::string_view kAlgorithm = "ecdsa-with-SHA384";
constexpr std::string_view kKeyKind = "P-384";

Fault fault(std::string_view expected, std::string_view seen) {
    return {std::string(expected), std::string(seen)};
}

std::optional<Fault> basic_constraints_fault(const Link& link) {
    if (!link.has_basic_constraints) return fault("basicConstraints", "none");
    if (!link.basic_constraints_critical) return fault("basicConstraints critical", "not critical");
    return std::nullopt;
}

}  // namespace

std::string format_time(std::int64_t seconds) {
    const std::time_t time = seconds;
    std::tm parts{};
    if (::gmtime_r(&time, &parts) == nullptr) return fmt::format("{} s since 1970", seconds);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::optional<Fault> form_fault(const Link& link) {
    if (link.signature_algorithm != kAlgorithm) return fault(kAlgorithm, link.signature_algorithm);
    if (link.key_kind != kKeyKind || !link.key) {
        return fault(fmt::format("a key on {}", kKeyKind), link.key_kind);
    }
    if (!link.unknown_critical.empty()) {
        return fault("only known critical extensions", link.unknown_critical);
    }
    return std::nullopt;
}

std::optional<Fault> validity_fault(const Link& link, std::int64_t seconds) {
    if (seconds < link.not_before) {
        return fault(fmt::format("a time from {} on", format_time(link.not_before)),
                     format_time(seconds));
    }
    if (seconds > link.not_after) {
        return fault(fmt::format("a time up to {}", format_time(link.not_after)),
                     format_time(seconds));
    }
    return std::nullopt;
}

std::optional<Fault> authority_fault(const Link& link, std::size_t authorities_below) {
    if (auto found = basic_constraints_fault(link)) return found;
    if (!link.is_authority) return fault("a certificate authority (CA true)", "CA false");
    if (link.path_length && authorities_below > *link.path_length) {
        return fault(fmt::format("at most {} authorities below it (pathLen)", *link.path_length),
                     fmt::format("{}", authorities_below));
    }
    if (!link.has_key_usage) return fault("keyUsage with keyCertSign", "no keyUsage");
    if (!link.may_sign_certificates) return fault("keyUsage with keyCertSign", "keyUsage without");
    return std::nullopt;
}

std::optional<Fault> leaf_fault(const Link& link) {
    if (auto found = basic_constraints_fault(link)) return found;
    if (link.is_authority) return fault("no certificate authority (CA false)", "CA true");
    if (link.path_length) return fault("no pathLen", fmt::format("{}", *link.path_length));
    if (!link.has_key_usage) return fault("keyUsage with digitalSignature", "no keyUsage");
    if (!link.may_sign_data) return fault("keyUsage with digitalSignature", "keyUsage without");
    return std::nullopt;
}

std::optional<Fault> issuer_fault(const Link& link, const Link& issuer) {
    if (link.issuer_name != issuer.subject_name) {
        return fault(fmt::format("issued by {}", issuer.subject), "issued by another name");
    }
    if (!issuer.key || !issuer.key->verify_der(link.signed_part, link.signature)) {
        return fault(fmt::format("a signature by the key of {}", issuer.subject),
                     "one that does not verify");
    }
    return std::nullopt;
}

}  // namespace crypto
