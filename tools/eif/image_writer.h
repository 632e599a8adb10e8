// Writing images: one pass over the inputs that copies, hashes and checksums in step.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "format.h"
#include "input.h"
#include "measurements.h"
#include "signature.h"

namespace eif {

// The payload of one section-to-be: a range of an input, or bytes in memory.
struct Piece {
    SectionType type;
    std::shared_ptr<const Input> input;  // empty: `content` counts
    std::uint64_t offset = 0;            // in the input
    std::uint64_t size = 0;
    std::string content;
};

Piece piece_of(SectionType type, std::shared_ptr<const Input> input);
Piece piece_of(SectionType type, std::string content);

struct Recipe {
    Header header;              // version, flags, default memory and CPUs count
    std::vector<Piece> pieces;  // in the order of the file
};

// Writes to `output_path` ("-": standard output, for which the inputs are read twice). With a
// signer the image gets a signature section, as its last one, in place of one that is there.
base::Result<Measurements> write_image(Recipe recipe, const Signer* signer,
                                       const std::string& output_path, unsigned mode = 0644);

}  // namespace eif
