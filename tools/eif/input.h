// Input files: opened once, known size, read at any offset. What is no regular file is copied to
// an unlinked temporary file first, because images need sizes before contents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace eif {

struct Input {
    std::string name;  // for messages
    base::Fd fd;
    std::uint64_t size = 0;

    // Fills the span; an end before that is an Error: the file shrank while it was read.
    base::Result<void> read_at(std::uint64_t offset, std::span<std::byte> to) const;
};

// "-" is standard input.
base::Result<Input> open_input(const std::string& path);

// An empty unlinked file in $TMPDIR or /var/tmp.
base::Result<base::Fd> make_spool();
// Copies everything from a descriptor to the spool's end; returns how many bytes.
base::Result<std::uint64_t> copy_to_spool(int from, int spool, std::string_view name);

// An Error (usage) when `output_path` is the file that `input` was opened from.
base::Result<void> refuse_same_file(const Input& input, const std::string& output_path);

}  // namespace eif
