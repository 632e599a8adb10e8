// Writes a gathered tree as one newc archive: sorted, renumbered, with one time for all.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "compressor.h"
#include "source.h"

namespace eif {

struct ArchiveOptions {
    std::string prefix;  // normalised; "" for none
    std::uint32_t mtime = 0;
};

base::Result<void> write_archive(const Gathering& gathering, const ArchiveOptions& options,
                                 Compressor& to);

}  // namespace eif
