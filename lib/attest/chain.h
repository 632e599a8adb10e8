// The steps root to signature of verify.h: from the pinned root to the key that signed.
#pragma once

#include <chrono>

#include "attest/verify.h"

namespace attest {

// Adds the steps that passed to `verdict`, or the failure of the first that did not.
base::Result<void> judge_chain(const Document& document, const crypto::Link& root,
                               std::chrono::seconds time, LinkCache* cache, Verdict& verdict);

}  // namespace attest
