// The emulator's certificates, in the shape of Amazon's: root, regional, zonal, instance, and the
// enclave's own. Kept as files in the emulator's folder; whoever calls holds the folder's lock.
#pragma once

#include <string>

#include "nsm/emulated_document.h"

namespace nsm::emulated {

// The chain in force at `now` (seconds since 1970) and for some minutes more. Levels that are
// missing or run out are made anew with all below them; the root is made once.
base::Result<Chain> load_chain(const std::string& folder, const std::string& module_id,
                               std::int64_t now);

}  // namespace nsm::emulated
