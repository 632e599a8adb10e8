// Whether an attestation document is to be believed: its chain up to a pinned root, its signature,
// and what its reader expected. Pure: the time comes in, a verdict comes out.
//
// The steps, in order; the first that fails ends the rest:
//
//   kind         it is signed at all (QEMU's module does not sign)
//   root         the bundle's first certificate is the pinned root, byte by byte
//   certificate  each certificate is strict DER, on P-384 with SHA-384, without unknown critical
//                extensions
//   rights       issuers are authorities with keyCertSign and obey pathLen; the leaf is none and
//                has digitalSignature
//   validity     each certificate is in force
//   issuer       each certificate is issued and signed by the one before it
//   signature    the leaf's key signed the document (ES384)
//   debug        PCR0 is there and not all zero, as it is in an enclave in debug mode
//   nonce, user_data, public_key, module_id, age, pcrs    as far as the settings say
//
// Revocation lists are not asked: leaves live three hours.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attest/document.h"
#include "attest/expectations.h"
#include "attest/link_cache.h"
#include "base/result.h"
#include "crypto/chain.h"

namespace attest {

enum class Step {
    kind,
    root,
    certificate,
    rights,
    validity,
    issuer,
    signature,
    debug,
    nonce,
    user_data,
    public_key,
    module_id,
    age,
    pcrs
};

// As in the list above.
std::string_view name_of(Step step);

inline constexpr std::chrono::minutes kDefaultMaximumAge{5};
// Two clocks differ by a little.
inline constexpr std::chrono::seconds kDefaultMaximumLead{30};

struct Settings {
    explicit Settings(crypto::Link pinned_root) : root(std::move(pinned_root)) {}

    crypto::Link root;  // root.h
    // An absent field is not looked at; comparisons take constant time. A nonce of no bytes is
    // refused as a setting, because everybody can have it.
    std::optional<Bytes> nonce;
    std::optional<Bytes> user_data;
    std::optional<Bytes> public_key;
    std::optional<std::string> module_id;
    std::optional<Expectations> pcrs;
    // How old a document may be. Without this and without a nonce nothing shows that a document is
    // fresh, which only verify_stored() accepts.
    std::optional<std::chrono::milliseconds> maximum_age = kDefaultMaximumAge;
    // How far the module's clock may be before ours. Certificates may be that new, too.
    std::chrono::milliseconds maximum_lead = kDefaultMaximumLead;
    bool allow_debug = false;
    bool allow_emulated = false;  // then root to signature are left out, and nothing is proven
};

// Texts may quote the document and are printable.
struct Failure {
    Step step = Step::kind;
    std::string place;  // "certificate 2 (CN=...)", "PCR3", or ""
    std::string expected;
    std::string seen;
};

struct Verdict {
    std::vector<Step> passed;  // in order; what the settings do not ask for is not among them
    std::optional<Failure> failure;

    bool accepted() const { return !failure; }
    // Accepted, and signed by a key that the pinned root vouches for. An emulated document that is
    // allowed is accepted and proves nothing.
    bool proven() const;
};

// One sentence without a period: "accepted, and proven by the pinned root", "accepted, but nothing
// is proven: ...", "rejected at nonce: expected ..., seen ...".
std::string describe(const Verdict& verdict);

// Judges at `now`, in time since 1970. An Error (usage) tells settings that would accept too much;
// a rejected document is a Verdict. `cache` may be null; it is borrowed for the call.
base::Result<Verdict> verify(const Document& document, const Settings& settings,
                             std::chrono::milliseconds now, LinkCache* cache = nullptr);

// Judges stored evidence at the document's own time: what it proves was so then. Its age is not
// looked at.
base::Result<Verdict> verify_stored(const Document& document, const Settings& settings,
                                    LinkCache* cache = nullptr);

}  // namespace attest
