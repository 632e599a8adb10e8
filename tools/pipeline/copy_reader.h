// The content of one file as pieces of data and hole, hashed in passing; it notices a file that
// changes meanwhile. Reads straight into the caller's buffer. No records here.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <span>

#include "base/fd.h"
#include "copy_digest.h"
#include "copy_types.h"

namespace pipeline {

class FileReader {
  public:
    struct Piece {
        enum class Kind {
            data,     // `length` bytes are in the buffer
            hole,     // `length` zeros, at most kMaximumHole, the buffer is untouched
            end,      // all was read and nothing changed
            waiting,  // a stream that has nothing to read now
            trouble,
        } kind = Kind::end;
        std::uint64_t length = 0;
        Trouble trouble;
    };

    // A regular file with a size, as fstat() told just now: [from, until) of it.
    static FileReader file(base::Fd fd, const struct stat& status, std::uint64_t from,
                           std::uint64_t until);
    // Whatever comes until the end: a pipe, or a file that only shows its size by being read.
    static FileReader stream(base::Fd fd);

    Piece next(std::span<std::byte> buffer);

    // Hashes a prefix instead of handing it out, a bounded step at a time; true when `length` bytes
    // are hashed. The buffer is scratch. A file that is shorter is a trouble.
    bool hash_prefix(std::uint64_t length, std::span<std::byte> scratch, MaybeTrouble& trouble);
    // Back to the beginning, with nothing hashed.
    void rewind();

    std::uint64_t position() const { return position_; }
    std::optional<DigestBytes> digest() const { return digest_.value(); }
    int fd() const { return fd_.get(); }

  private:
    explicit FileReader(base::Fd fd) : fd_(std::move(fd)) {}
    Piece next_of_stream(std::span<std::byte> buffer);
    MaybeTrouble find_segment();
    Piece finish() const;

    base::Fd fd_;
    struct stat before_ {};
    bool stream_ = false;
    bool sparse_ = false;  // asks for holes
    std::uint64_t position_ = 0;
    std::uint64_t until_ = 0;
    std::uint64_t data_from_ = 0;  // hole before it, data from it to data_until_
    std::uint64_t data_until_ = 0;
    ContentDigest digest_;
};

}  // namespace pipeline
