// A Nitro Secure Module in software, kept in a folder: real documents, signed by keys that lie
// beside them. It serves tests and development. Its evidence is as good as the folder is secret,
// so it belongs into no image; the build option nsm_emulator leaves it out.
//
//   root.pem             the certificate to pin; its key is in root-key.pem
//   regional.pem ...     zonal.pem, instance.pem, enclave.pem: key and certificate of each level,
//                        made anew when one runs out (20 d, 6 d, 1 d, 3 h)
//   registers.json       identity, values and locks
//   lock                 who holds its flock() may change the others; the count of changes, and
//                        when the next document is due
//
// Registers 0 to 15 are locked from the start, as in an enclave. Deleting the folder is the reboot.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "attest/expectations.h"
#include "nsm/nsm.h"

namespace nsm {

struct EmulatorSettings {
    std::string folder;  // made when it is missing; its parent must exist
    // Real hardware makes about 860. Absent: as fast as it goes. Who asks too early waits.
    std::optional<std::uint32_t> documents_per_second;
    // The values of registers 0 to 15 in a new folder, others are zero. An old one must have them.
    std::optional<attest::Expectations> measurements;
};

// Several processes may have the same folder open. The module is for one thread at a time; another
// thread opens its own. Errors are those of the device, and those of files.
base::Result<std::unique_ptr<Module>> open_emulator(const EmulatorSettings& settings);

}  // namespace nsm
