// The names of one folder, sorted bytewise: the order in which a copy walks it.
//
// Names lie packed in one string with an offset each, so a folder of a million entries costs
// its names and five bytes more for each, and nothing else of an entry is held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "copy_types.h"

namespace pipeline {

class FolderList {
  public:
    // Names together over this are refused: E2BIG.
    static constexpr std::size_t kMaximumBytes = 256 * 1024 * 1024;

    // Reads the folder behind `fd`, which stays the caller's, from its beginning.
    MaybeTrouble read(int fd);

    // The next name, ended by a zero, or nullptr. Valid until the list goes.
    const char* next() { return at_ < offsets_.size() ? names_.data() + offsets_[at_++] : nullptr; }
    // No more names come.
    void drop() { at_ = offsets_.size(); }

  private:
    std::string names_;
    std::vector<std::uint32_t> offsets_;
    std::size_t at_ = 0;
};

}  // namespace pipeline
