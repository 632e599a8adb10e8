// Folder listing, file reading inside a root, and putting the parts of a service together.
#include "load.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <map>
#include <memory>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "environment.h"
#include "seccomp.h"
#include "service_file.h"
#include "system_file.h"

namespace initd {

namespace {

using base::Error;
using base::Fd;
using base::Result;

constexpr std::size_t kLargestFile = 256 * 1024;
constexpr std::size_t kMostServices = 1024;

// Absent is an invalid Fd.
Result<Fd> open_in(const Tree& tree, const std::string& path, int flags) {
    struct open_how how {};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_IN_ROOT;
    Fd fd(
        static_cast<int>(::syscall(SYS_openat2, tree.root.get(), path.c_str(), &how, sizeof how)));
    if (!fd.valid() && errno == ENOSYS) {  // before Linux 5.6: links may lead out of the root
        const std::string relative = "." + path;
        fd = Fd(::openat(tree.root.get(), relative.c_str(), flags | O_CLOEXEC));
    }
    if (fd.valid() || errno == ENOENT) return fd;
    return Error::system("open", tree.shown + path);
}

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

Result<std::vector<std::string>> list_folder(const Tree& tree, const std::string& path) {
    std::vector<std::string> names;
    Fd fd = TRY(open_in(tree, path, O_RDONLY | O_DIRECTORY));
    if (!fd.valid()) return names;
    std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(fd.get()));
    if (!directory) return Error::system("read", tree.shown + path);
    fd.release();
    while (true) {
        errno = 0;
        const dirent* entry = ::readdir(directory.get());
        if (entry == nullptr) break;
        if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    }
    // What a broken list lacks would be taken for removed.
    if (errno != 0) return Error::system("read", tree.shown + path);
    std::sort(names.begin(), names.end());
    return names;
}

Result<void> read_calls(Confinement& confinement, const Tree& tree, const std::string& shown_file) {
    const std::string& path = confinement.calls_file;
    if (path.empty()) return {};
    const FileText file = TRY(read_in(tree, path));
    if (!file.found) {
        return Error(base::ExitCode::config,
                     fmt::format("{}: seccomp {} does not exist", shown_file, base::quote(path)));
    }
    for (const auto& step : compile_filter(TRY(parse_call_rules(file.text, tree.shown + path))))
        confinement.filter.push_back(std::bit_cast<std::uint64_t>(step));
    return {};
}

// What only the whole tree can tell: the account, the system calls and the environment file.
Result<void> complete(LoadedService& service, const Tree& tree, const std::string& shown_file,
                      const std::string& passwd, const std::string& group) {
    auto account = resolve_account(service.settings, passwd, group);
    if (!account.ok()) return std::move(account).error().at(shown_file);
    service.account = std::move(account).value();
    TRY(read_calls(service.settings.confinement, tree, shown_file));
    const std::string& path = service.settings.environment_file;
    if (path.empty()) return {};
    const FileText file = TRY(read_in(tree, path));
    if (!file.found) {
        return Error(base::ExitCode::config,
                     fmt::format("{}: env_file {} does not exist", shown_file, base::quote(path)));
    }
    service.file_environment = TRY(parse_environment_file(file.text, tree.shown + path));
    return {};
}

Result<void> load_one(LoadedService& service, const Tree& tree, const std::string& path,
                      const std::string& passwd, const std::string& group) {
    const FileText file = TRY(read_in(tree, path));
    service.settings = TRY(parse_service(service.settings.name, file.text, tree.shown + path));
    if (!tree.is_rootfs) return {};
    return complete(service, tree, tree.shown + path, passwd, group);
}

// Two writers would rename each other's lines away.
void refuse_shared_log_files(LoadedServices& loaded, const std::string& shown_folder) {
    std::map<std::string_view, std::string_view> owners;
    for (LoadedService& service : loaded.services) {
        const std::string& path = service.settings.log_target.path;
        if (path.empty()) continue;
        const auto [owner, is_new] = owners.emplace(path, service.settings.name);
        if (is_new || !service.problem.empty()) continue;
        service.problem =
            fmt::format("{}/{}.yaml: its log file {} is that of service {} as well", shown_folder,
                        service.settings.name, base::quote(path), owner->second);
    }
}

}  // namespace

Result<Tree> open_tree(const std::string& root) {
    Tree tree;
    tree.root = TRY(base::open_file(root, O_PATH | O_DIRECTORY));
    tree.shown = root == "/" ? "" : root;
    return tree;
}

Result<FileText> read_in(const Tree& tree, const std::string& path) {
    const Fd fd = TRY(open_in(tree, path, O_RDONLY | O_NONBLOCK));
    if (!fd.valid()) return FileText{};
    FileText file{"", true};
    constexpr std::size_t kStep = 8 * 1024;  // most files fit, and PID 1 keeps a small heap
    while (true) {
        const std::size_t filled = file.text.size();
        file.text.resize(filled + kStep);
        const auto space = std::as_writable_bytes(std::span(file.text)).subspan(filled);
        const std::size_t count = TRY(base::read_full(fd.get(), space, tree.shown + path));
        file.text.resize(filled + count);
        if (file.text.size() > kLargestFile) {
            return Error::data(fmt::format("{}{} is larger than {}", tree.shown, path,
                                           base::format_size(kLargestFile)));
        }
        if (count < kStep) return file;
    }
}

Result<SystemSettings> load_system(const Tree& tree) {
    const std::string path = tree.folder + "/initd.yaml";
    const FileText file = TRY(read_in(tree, path));
    return parse_system(file.text, tree.shown + path);
}

LoadedServices load_services(const Tree& tree) {
    LoadedServices loaded;
    const auto note = [&loaded](const Error& error) {
        loaded.warnings.push_back(error.message);
        if (!loaded.failure) loaded.failure = error;
    };
    const std::string folder = tree.folder + "/services";
    const auto names = list_folder(tree, folder);
    if (!names.ok()) {
        note(names.error());
        return loaded;
    }
    const auto text_of = [&](const char* path) {
        auto file = read_in(tree, path);
        if (file.ok()) return std::move(file).value().text;
        note(file.error());
        return std::string();
    };
    const std::string passwd = text_of("/etc/passwd"), group = text_of("/etc/group");
    for (const std::string& entry : names.value()) {
        const std::string path = folder + "/" + entry;
        const std::string name = entry.substr(0, entry.rfind(".yaml"));
        if (!entry.ends_with(".yaml") || !valid_service_name(name)) {
            loaded.warnings.push_back(
                fmt::format("{}{} is not NAME.yaml and is not read", tree.shown, path));
            continue;
        }
        if (loaded.services.size() == kMostServices) {
            loaded.warnings.push_back(fmt::format("more than {} services, {}{} is not read",
                                                  kMostServices, tree.shown, path));
            continue;
        }
        LoadedService& service = loaded.services.emplace_back();
        service.settings.name = name;
        const Result<void> read = load_one(service, tree, path, passwd, group);
        if (read.ok()) continue;
        service.problem = read.error().message;
        if (read.error().code == base::ExitCode::os && !loaded.failure)
            loaded.failure = read.error();
    }
    refuse_shared_log_files(loaded, tree.shown + folder);
    order_all(loaded);
    return loaded;
}

void order_all(LoadedServices& loaded) {
    std::vector<const ServiceSettings*> all;
    for (const LoadedService& service : loaded.services)
        all.push_back(&service.settings);
    loaded.order = order_services(all);
}

}  // namespace initd
