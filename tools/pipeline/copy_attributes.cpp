// Reading and setting attributes.
#include "copy_attributes.h"

#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace pipeline {

namespace {

constexpr std::size_t kMaximumValue = 64 * 1024;

timespec to_timespec(const proto::copy::Time& time) {
    timespec value{};
    value.tv_sec = time.seconds;
    value.tv_nsec = static_cast<long>(time.nanoseconds);
    return value;
}

}  // namespace

proto::copy::Time modified(const struct stat& status) {
    return {status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
}

std::uint32_t final_mode(const Attributes& attributes, const AttributeRules& rules, bool folder) {
    if (attributes.plain) return (folder ? 0777u : 0666u) & ~rules.umask;
    if (!rules.preserve) return attributes.mode & 0777u & ~rules.umask;
    return attributes.mode & (rules.archive ? 07777u : 0777u);
}

MaybeTrouble read_xattrs(int fd, std::vector<std::pair<std::string, std::string>>& to) {
    std::string names(kMaximumValue, '\0');
    const ssize_t listed = ::flistxattr(fd, names.data(), names.size());
    if (listed < 0) {
        if (errno == ENOTSUP) return std::nullopt;
        return Trouble{errno, CopyStep::read};
    }
    names.resize(static_cast<std::size_t>(listed));
    std::string value(kMaximumValue, '\0');
    std::size_t total = 0;
    for (std::size_t at = 0; at < names.size();) {
        const std::string name = names.c_str() + at;
        at += name.size() + 1;
        const ssize_t size = ::fgetxattr(fd, name.c_str(), value.data(), value.size());
        if (size < 0 && errno == ENODATA) continue;  // gone meanwhile
        if (size < 0) return Trouble{errno, CopyStep::read};
        total += name.size() + static_cast<std::size_t>(size);
        if (total > proto::copy::kMaximumXattrBytes || to.size() >= proto::copy::kMaximumXattrs) {
            return Trouble{E2BIG, CopyStep::read};
        }
        to.emplace_back(name, value.substr(0, static_cast<std::size_t>(size)));
    }
    return std::nullopt;
}

MaybeTrouble apply_attributes(int fd, const Attributes& attributes, const AttributeRules& rules,
                              bool folder) {
    MaybeTrouble first;
    const auto note = [&first](CopyStep operation) {
        if (!first.has_value()) first = Trouble{errno, operation};
    };
    std::uint32_t mode = final_mode(attributes, rules, folder);
    if (rules.archive && attributes.owner.has_value()) {
        if (::fchown(fd, attributes.owner->first, attributes.owner->second) != 0) {
            if (::geteuid() == 0 || errno != EPERM) note(CopyStep::set_owner);
            mode &= ~std::uint32_t{S_ISUID | S_ISGID};
        }
    }
    if (::fchmod(fd, mode) != 0) note(CopyStep::set_mode);
    if (rules.archive) {
        for (const auto& [name, value] : attributes.xattrs) {
            if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0) {
                note(CopyStep::set_xattr);
            }
        }
    }
    if (rules.preserve && !attributes.plain) {
        const std::array<timespec, 2> times = {timespec{0, UTIME_OMIT},
                                               to_timespec(attributes.time)};
        if (::futimens(fd, times.data()) != 0) note(CopyStep::set_times);
    }
    return first;
}

}  // namespace pipeline
