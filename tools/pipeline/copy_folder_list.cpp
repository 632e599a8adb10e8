// Reading and sorting a folder.
#include "copy_folder_list.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace pipeline {

void FolderList::add(std::string_view name) {
    if (used_bytes_ + name.size() + 1 > block_bytes_) {
        block_bytes_ =
            std::max(std::clamp(block_bytes_ * 2, kFirstBlock, kLargestBlock), name.size() + 1);
        used_bytes_ = 0;
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(block_bytes_));
    }
    char* to = blocks_.back().get() + used_bytes_;
    *std::copy(name.begin(), name.end(), to) = '\0';
    places_.push_back(
        static_cast<std::uint32_t>((blocks_.size() - 1) << kOffsetBits | used_bytes_));
    used_bytes_ += name.size() + 1;
    name_bytes_ += name.size() + 1;
}

MaybeTrouble FolderList::read(int fd) {
    // A descriptor of its own, because closedir() takes what fdopendir() was given.
    const int own = ::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own < 0) return Trouble{errno, CopyStep::list};
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(own), &::closedir);
    if (folder == nullptr) {
        const int error = errno;
        ::close(own);
        return Trouble{error, CopyStep::list};
    }
    while (true) {
        errno = 0;
        const dirent* entry = ::readdir(folder.get());
        if (entry == nullptr && errno != 0) return Trouble{errno, CopyStep::list};
        if (entry == nullptr) break;
        if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
        add(entry->d_name);
        if (name_bytes_ > kMaximumBytes) return Trouble{E2BIG, CopyStep::list};
    }
    std::ranges::sort(places_, [this](std::uint32_t left, std::uint32_t right) {
        return std::strcmp(name_at(left), name_at(right)) < 0;  // as unsigned bytes
    });
    return std::nullopt;
}

}  // namespace pipeline
