// A file that keeps the newest bytes of a stream. Offsets are those of the
// stream: the oldest bytes become a hole, so that whoever follows the stream by
// its offsets is never misled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/fd.h"
#include "base/result.h"

namespace pipeline {

class JobOutput {
  public:
    // At least this much is kept; a sixteenth more is there at times.
    explicit JobOutput(base::Fd file, std::uint64_t keep_bytes)
        : file_(std::move(file)), keep_bytes_(keep_bytes) {}

    // Never fails the job: what the file system does not take is left out, and a
    // line at that place says so once something can be written again.
    void append(std::span<const std::byte> bytes);
    std::uint64_t bytes() const { return bytes_; }  // written by the program
    std::uint64_t lost() const { return lost_; }    // of these, what was left out

  private:
    bool write(std::span<const std::byte> bytes);
    void drop_oldest();

    base::Fd file_;
    std::uint64_t keep_bytes_;
    std::uint64_t size_ = 0;  // of the file
    std::uint64_t dropped_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t lost_ = 0;
    std::uint64_t unsaid_ = 0;  // lost since the last line about it
    bool holes_ = true;         // the file system can make them
};

// From which offset on such a file, open for reading, has its data.
std::uint64_t first_kept(int file);

}  // namespace pipeline
