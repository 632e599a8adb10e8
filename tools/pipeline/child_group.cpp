// Kernel page: admin-guide/cgroup-v2.
#include "child_group.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/format.h"
#include "base/program.h"
#include "base/text.h"

namespace pipeline {

namespace {

constexpr std::size_t kMaxProcFile = std::size_t{1} << 20;

base::Fd open_in(int folder, const char* name, int flags) {
    return base::Fd(::openat(folder, name, flags | O_CLOEXEC));
}

}  // namespace

bool kill_group(int folder) {
    const base::Fd file = open_in(folder, "cgroup.kill", O_WRONLY);
    return file.valid() && ::write(file.get(), "1", 1) == 1;
}

std::string own_group_folder(std::string_view mounts, std::string_view groups) {
    std::string_view own;
    for (const std::string_view line : base::split(groups, '\n')) {
        if (line.starts_with("0::")) own = line.substr(3);
    }
    if (!own.starts_with('/')) return {};
    for (const std::string_view line : base::split(mounts, '\n')) {
        // 25 18 0:22 ROOT POINT options - cgroup2 ...
        const std::vector<std::string_view> fields = base::split(line, ' ');
        const auto dash = std::find(fields.begin(), fields.end(), "-");
        if (fields.size() < 5 || dash == fields.end() || dash + 1 == fields.end()) continue;
        const std::string_view root = fields[3];
        if (dash[1] != "cgroup2" || fields[4].find('\\') != std::string_view::npos) continue;
        std::string_view rest = own;
        if (root != "/") {
            if (!own.starts_with(root)) continue;
            rest.remove_prefix(root.size());
        }
        if (rest == "/") rest = {};
        return std::string(fields[4]) + std::string(rest);
    }
    return {};
}

std::string own_group_folder() {
    const auto mounts = base::read_file("/proc/self/mountinfo", kMaxProcFile);
    const auto groups = base::read_file("/proc/self/cgroup", kMaxProcFile);
    if (!mounts.ok() || !groups.ok()) return {};
    return own_group_folder(mounts.value(), groups.value());
}

std::optional<ChildGroup> ChildGroup::make(std::string_view name) {
    const std::string own = own_group_folder();
    if (own.empty()) return std::nullopt;
    std::string folder = fmt::format("{}/{}", own, name);
    if (::mkdir(folder.c_str(), 0755) != 0) return std::nullopt;
    base::Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Linux 5.14.
    if (!fd.valid() || ::faccessat(fd.get(), "cgroup.kill", W_OK, 0) != 0) {
        ::rmdir(folder.c_str());
        return std::nullopt;
    }
    return ChildGroup(std::move(folder), std::move(fd));
}

ChildGroup::~ChildGroup() {
    if (fd_.valid()) ::rmdir(folder_.c_str());
}

bool ChildGroup::kill() const {
    return kill_group(fd_.get());
}

bool ChildGroup::is_empty() const {
    const base::Fd file = open_in(fd_.get(), "cgroup.events", O_RDONLY);
    std::array<char, 128> text;
    const ssize_t count = file.valid() ? ::read(file.get(), text.data(), text.size()) : -1;
    return count > 0 &&
           std::string_view(text.data(), static_cast<std::size_t>(count)).find("populated 0\n") !=
               std::string_view::npos;
}

bool ChildGroup::settle_as(uid_t user, gid_t group) const {
    return ::fchown(fd_.get(), user, group) == 0 &&
           ::fchownat(fd_.get(), "cgroup.procs", user, group, 0) == 0 &&
           base::enter_group(fd_.get());
}

}  // namespace pipeline
