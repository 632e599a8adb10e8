// A document as the module puts it together: COSE_Sign1 over a payload whose fields stand in the
// order of real ones (attest/document.h has the format). Pure.
#pragma once

#include <chrono>
#include <vector>

#include "crypto/ecdsa.h"
#include "nsm/emulated_state.h"

namespace nsm::emulated {

// Who signs, and for whom others vouch.
struct Chain {
    std::vector<Bytes> bundle;  // root first, the certificate's issuer last
    Bytes certificate;
    crypto::PrivateKey key;        // of the certificate
    std::int64_t renew_after = 0;  // seconds since 1970
};

base::Result<Bytes> make_document(const State& state, const Chain& chain,
                                  std::chrono::milliseconds time, const AttestationRequest& fields);

}  // namespace nsm::emulated
