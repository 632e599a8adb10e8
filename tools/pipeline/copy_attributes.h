// Owner and extended attributes of an entry, as a copy with --archive carries them, and mode and
// times, as every copy does. All through open descriptors.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "copy_types.h"

namespace pipeline {

struct Attributes {
    std::uint32_t mode = 0;
    proto::copy::Time time;
    bool plain = false;                                            // mode and time are not known
    std::optional<std::pair<std::uint32_t, std::uint32_t>> owner;  // user, group
    std::vector<std::pair<std::string, std::string>> xattrs;
};

// How the receiver treats them.
struct AttributeRules {
    bool archive = false;  // owner, xattrs, setuid, setgid and sticky bits
    bool preserve = true;  // mode and times; else mode as with `umask` and the time of arrival
    std::uint32_t umask = 022;
};

// A device, a pipe or a socket: never sent, and never replaced.
constexpr bool is_special(mode_t mode) {
    return !S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode);
}

proto::copy::Time modified(const struct stat& status);

// The mode an entry gets by the rules; the bits above 0777 only with archive.
std::uint32_t final_mode(const Attributes& attributes, const AttributeRules& rules, bool folder);

// Adds the extended attributes of an open file or folder. Too many or too large: E2BIG. A file
// system without them has none.
MaybeTrouble read_xattrs(int fd, std::vector<std::pair<std::string, std::string>>& to);

// Sets everything on an open file or folder: owner first, as that clears bits and capabilities,
// then mode, xattrs, times. Goes on after a trouble, and returns the first. Who is not root may
// fail to give an owner: no trouble, but bits that lend the owner's rights are then left out.
MaybeTrouble apply_attributes(int fd, const Attributes& attributes, const AttributeRules& rules,
                              bool folder);

}  // namespace pipeline
