// An image on disk: its layout, its small sections, and one pass that measures and checks it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "format.h"
#include "input.h"
#include "measurements.h"
#include "signature.h"

namespace eif {

struct ImageFile {
    Input input;
    Image image;
};

base::Result<ImageFile> open_image(const std::string& path);

// Says on standard error what the tables get wrong; for commands that can do without them.
void warn_of_table_faults(const ImageFile& file);

// The payload of a section whose size the format caps (cmdline, metadata, signature).
base::Result<std::vector<std::byte>> read_payload(const ImageFile& file, const Section& section);

struct Scan {
    Measurements measurements;  // PCR8 too when the image is signed and its certificate readable
    std::uint32_t crc32 = 0;    // computed
    std::optional<base::Result<SignatureVerdict>> signature;  // absent: the image is unsigned
};

// Reads the whole image once.
base::Result<Scan> scan_image(const ImageFile& file);

}  // namespace eif
