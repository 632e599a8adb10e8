// The names of one folder, sorted bytewise: the order in which a copy walks it.
//
// Names lie packed in blocks with a place of four bytes each, so a folder of a million entries
// costs its names and five bytes more for each, and nothing else of an entry is held. Blocks are
// never moved to grow, which would take the same room once more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "copy_types.h"

namespace pipeline {

class FolderList {
  public:
    // Names together over this are refused: E2BIG.
    static constexpr std::size_t kMaximumBytes = 256 * 1024 * 1024;

    // Reads the folder behind `fd`, which stays the caller's, from its beginning.
    MaybeTrouble read(int fd);

    // The next name, ended by a zero, or nullptr. Valid until the list goes, also when it is moved.
    const char* next() { return at_ < places_.size() ? name_at(places_[at_++]) : nullptr; }
    // No more names come.
    void drop() { at_ = places_.size(); }

  private:
    // A place is the number of a block, and an offset in it in the lower bits.
    static constexpr unsigned kOffsetBits = 18;
    static constexpr std::size_t kFirstBlock = 1024;
    static constexpr std::size_t kLargestBlock = std::size_t{1} << kOffsetBits;

    const char* name_at(std::uint32_t place) const {
        return blocks_[place >> kOffsetBits].get() + (place & (kLargestBlock - 1));
    }
    void add(std::string_view name);

    std::vector<std::unique_ptr<char[]>> blocks_;
    std::size_t block_bytes_ = 0;  // of the last block
    std::size_t used_bytes_ = 0;   // in it
    std::size_t name_bytes_ = 0;   // in all
    std::vector<std::uint32_t> places_;
    std::size_t at_ = 0;
};

}  // namespace pipeline
