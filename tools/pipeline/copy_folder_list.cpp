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
        offsets_.push_back(static_cast<std::uint32_t>(names_.size()));
        names_.append(entry->d_name).push_back('\0');
        if (names_.size() > kMaximumBytes) return Trouble{E2BIG, CopyStep::list};
    }
    const char* names = names_.data();
    std::ranges::sort(offsets_, [names](std::uint32_t left, std::uint32_t right) {
        return std::strcmp(names + left, names + right) < 0;  // as unsigned bytes
    });
    return std::nullopt;
}

}  // namespace pipeline
