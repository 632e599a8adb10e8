// Modes as people know them from ls.
#include "member_text.h"

#include <sys/stat.h>

namespace eif {

std::string_view kind_of(std::uint32_t mode) {
    switch (mode & S_IFMT) {
        case S_IFREG: return "file";
        case S_IFDIR: return "folder";
        case S_IFLNK: return "link";
        case S_IFCHR: return "char device";
        case S_IFBLK: return "block device";
        case S_IFIFO: return "fifo";
        case S_IFSOCK: return "socket";
        default: return "unknown";
    }
}

std::string mode_text(std::uint32_t mode) {
    const auto type = [mode] {
        switch (mode & S_IFMT) {
            case S_IFREG: return '-';
            case S_IFDIR: return 'd';
            case S_IFLNK: return 'l';
            case S_IFCHR: return 'c';
            case S_IFBLK: return 'b';
            case S_IFIFO: return 'p';
            case S_IFSOCK: return 's';
            default: return '?';
        }
    };
    std::string text(1, type());
    for (const unsigned shift : {6U, 3U, 0U}) {
        const std::uint32_t bits = mode >> shift & 7;
        const bool special = (mode & (shift == 6 ? S_ISUID : shift == 3 ? S_ISGID : S_ISVTX)) != 0;
        const char set = shift == 0 ? 't' : 's';
        text += (bits & 4) != 0 ? 'r' : '-';
        text += (bits & 2) != 0 ? 'w' : '-';
        if (special) {
            text += (bits & 1) != 0 ? set : static_cast<char>(set - 'a' + 'A');
        } else {
            text += (bits & 1) != 0 ? 'x' : '-';
        }
    }
    return text;
}

}  // namespace eif
