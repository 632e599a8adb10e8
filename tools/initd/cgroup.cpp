// Files under /sys/fs/cgroup. Kernel page: admin-guide/cgroup-v2.
#include "cgroup.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cstring>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"

namespace initd {

namespace {

constexpr const char* kRoot = "/sys/fs/cgroup";
constexpr unsigned long kCgroup2Magic = 0x63677270;

base::Result<void> write_text(const std::string& path, std::string_view text) {
    const base::Fd fd = TRY(base::open_file(path, O_WRONLY));
    return base::write_all(fd.get(), base::as_bytes(text), path);
}

bool is_cgroup2() {
    struct statfs status {};
    return ::statfs(kRoot, &status) == 0 &&
           static_cast<unsigned long>(status.f_type) == kCgroup2Magic;
}

// Allocates nothing: this runs after the marked line.
base::Fd open_in(const std::string& folder, const char* name, int flags) {
    std::array<char, 256> path;
    const auto end = fmt::format_to_n(path.data(), path.size() - 1, "{}/{}", folder, name);
    path[std::min(end.size, path.size() - 1)] = '\0';
    return base::Fd(::open(path.data(), flags | O_CLOEXEC));
}

// When in doubt, it is.
bool is_populated(const std::string& folder) {
    const base::Fd fd = open_in(folder, "cgroup.events", O_RDONLY);
    std::array<char, 128> text;
    const ssize_t count = fd.valid() ? ::read(fd.get(), text.data(), text.size()) : -1;
    return count < 0 ||
           std::string_view(text.data(), static_cast<std::size_t>(count)).find("populated 0\n") ==
               std::string_view::npos;
}

}  // namespace

void Cgroups::set_up(Journal& journal) {
    if (!is_cgroup2() &&
        ::mount("cgroup2", kRoot, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
        journal.warning("no cgroup v2: {}; limits of memory, cpu and pids are not applied",
                        std::strerror(errno));
        return;
    }
    const std::string own = fmt::format("{}/initd", kRoot);
    if (::mkdir(own.c_str(), 0755) != 0 && errno != EEXIST) {
        journal.warning("cgroup v2 cannot be used: {}", std::strerror(errno));
        return;
    }
    // A group with processes of its own cannot hand controllers down, unless it is the real root.
    const auto moved = write_text(own + "/cgroup.procs", "0");
    if (!moved.ok()) {
        journal.warning("cgroup v2 cannot be used: {}", moved.error().message);
        return;
    }
    usable_ = true;
    for (const char* controller : {"+memory", "+cpu", "+pids"}) {
        const auto enabled =
            write_text(fmt::format("{}/cgroup.subtree_control", kRoot), controller);
        if (!enabled.ok()) {
            journal.warning("the cgroup controller {} is not there", controller + 1);
        }
    }
}

std::string Cgroups::folder_of(const std::string& service) const {
    return usable_ ? fmt::format("{}/{}.service", kRoot, service) : "";
}

bool Cgroups::clear(const std::string& service) const {
    if (!usable_) return false;
    const std::string folder = folder_of(service);
    remove_cgroup(folder);
    return ::access(folder.c_str(), F_OK) != 0 && errno == ENOENT;
}

void Cgroups::change(const ServiceSettings& settings, const GroupLimits& old,
                     Journal& journal) const {
    const std::string folder = make(settings, journal);
    const GroupLimits& limits = settings.group_limits;
    const auto lift = [&](bool had, bool has, const char* file) {
        if (had && !has && !folder.empty()) (void)write_text(folder + "/" + file, "max");
    };
    lift(old.memory_bytes.has_value(), limits.memory_bytes.has_value(), "memory.max");
    lift(old.cpu_percent.has_value(), limits.cpu_percent.has_value(), "cpu.max");
    lift(old.tasks.has_value(), limits.tasks.has_value(), "pids.max");
}

std::string Cgroups::make(const ServiceSettings& settings, Journal& journal) const {
    const GroupLimits& limits = settings.group_limits;
    if (!usable_) {
        if (limits.any()) {
            journal.warning("service {}: limits of memory, cpu and pids are not applied",
                            settings.name);
        }
        return "";
    }
    const std::string folder = folder_of(settings.name);
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
        journal.warning("service {}: no cgroup: {}", settings.name, std::strerror(errno));
        return "";
    }
    const auto set = [&](const char* file, const std::string& value) {
        const auto written = write_text(fmt::format("{}/{}", folder, file), value);
        if (!written.ok()) {
            journal.warning("service {}: {} is not applied: {}", settings.name, file,
                            written.error().message);
        }
    };
    if (limits.memory_bytes) {
        set("memory.max", fmt::format("{}", *limits.memory_bytes));
        set("memory.oom.group", "1");
    }
    if (limits.cpu_percent) set("cpu.max", fmt::format("{} 100000", *limits.cpu_percent * 1000));
    if (limits.tasks) set("pids.max", fmt::format("{}", *limits.tasks));
    return folder;
}

bool make_group(const std::string& folder) {
    return !folder.empty() && (::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST);
}

void remove_cgroup(const std::string& folder) {
    if (folder.empty()) return;
    std::array<char, 256> path{};
    fmt::format_to_n(path.data(), path.size() - 1, "{}/health", folder);
    ::rmdir(path.data());
    ::rmdir(folder.c_str());
}

GroupKill kill_cgroup(const std::string& folder) {
    if (folder.empty()) return GroupKill::impossible;
    // A group that was killed once is worse for those born later: see Program::start().
    if (!is_populated(folder)) return GroupKill::empty;
    const base::Fd fd = open_in(folder, "cgroup.kill", O_WRONLY);
    const bool killed = fd.valid() && ::write(fd.get(), "1", 1) == 1;
    return killed ? GroupKill::done : GroupKill::impossible;
}

}  // namespace initd
