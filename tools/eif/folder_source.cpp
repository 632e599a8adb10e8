// Gathering a folder: an iterative walk that never follows a symbolic link.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <map>
#include <memory>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "input.h"
#include "newc.h"
#include "source.h"

namespace eif {

namespace {

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};

// The state of one walk.
class Walk {
  public:
    Walk(Gathering& gathering, std::uint32_t origin, const FolderOptions& options)
        : gathering_(gathering), origin_(origin), options_(options) {}

    base::Result<void> run() {
        std::vector<std::string> folders{""};
        while (!folders.empty()) {
            const std::string folder = std::move(folders.back());
            folders.pop_back();
            TRY(read_folder(folder, folders));
        }
        return {};
    }

  private:
    base::Result<void> read_folder(const std::string& folder, std::vector<std::string>& folders) {
        base::Fd fd(::openat(gathering_.origins[origin_].fd.get(),
                             folder.empty() ? "." : folder.c_str(),
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!fd.valid()) return base::Error::system("read the folder", shown(folder));
        const std::unique_ptr<DIR, CloseFolder> entries(::fdopendir(fd.get()));
        if (entries == nullptr) return base::Error::system("read the folder", shown(folder));
        const int folder_fd = fd.release();
        while (true) {
            errno = 0;
            const dirent* entry = ::readdir(entries.get());
            if (entry == nullptr) {
                if (errno != 0) return base::Error::system("read the folder", shown(folder));
                return {};
            }
            const std::string_view name = entry->d_name;
            if (name == "." || name == "..") continue;
            const std::string path =
                folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
            TRY(read_entry(folder_fd, entry->d_name, path, folders));
        }
    }

    base::Result<void> read_entry(int folder_fd, const char* name, const std::string& path,
                                  std::vector<std::string>& folders) {
        struct stat status {};
        if (::fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
            return base::Error::system("read", shown(path));
        }
        if (gathering_.output == std::pair(status.st_dev, status.st_ino)) {
            return base::Error::usage(
                fmt::format("the output {} lies inside a source", base::quote(shown(path))),
                "write it to another folder");
        }
        if (S_ISSOCK(status.st_mode)) {
            gathering_.warnings.push_back(
                fmt::format("skipped the socket {}", base::quote(shown(path))));
            return {};
        }
        Node node{.mode = status.st_mode};
        if (options_.keep_owner) {
            node.uid = status.st_uid;
            node.gid = status.st_gid;
        }
        const std::string archive_name = TRY(normalise_name(path));
        if (S_ISDIR(status.st_mode)) folders.push_back(path);
        if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
            node.node_major = ::major(status.st_rdev);
            node.node_minor = ::minor(status.st_rdev);
        }
        if (S_ISLNK(status.st_mode)) node.text = TRY(read_link(folder_fd, name, path));
        if (S_ISREG(status.st_mode)) {
            node.size = static_cast<std::uint64_t>(status.st_size);
            TRY(check_file_size(shown(path), node.size));
            node.origin = origin_;
            node.text = path;
            warn_of_capability(path);
        }
        if (node.is_link()) node.size = node.text.size();
        if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) {
            const auto [first, is_new] =
                links_.try_emplace({status.st_dev, status.st_ino}, archive_name);
            if (!is_new) return gathering_.tree.add_hard_link(archive_name, first->second);
        }
        return gathering_.tree.add(archive_name, std::move(node));
    }

    base::Result<std::string> read_link(int folder_fd, const char* name, const std::string& path) {
        std::string target(kMaximumNameBytes + 1, '\0');
        const ssize_t size = ::readlinkat(folder_fd, name, target.data(), target.size());
        if (size < 0) return base::Error::system("read the link", shown(path));
        target.resize(static_cast<std::size_t>(size));
        return target;
    }

    void warn_of_capability(const std::string& path) {
        if (::lgetxattr(shown(path).c_str(), "security.capability", nullptr, 0) <= 0) return;
        gathering_.warnings.push_back(fmt::format(
            "{} loses its file capabilities, archives cannot hold them", base::quote(shown(path))));
    }

    std::string shown(const std::string& path) const {
        return fmt::format("{}/{}", gathering_.origins[origin_].name, path);
    }

    Gathering& gathering_;
    std::uint32_t origin_;
    FolderOptions options_;
    std::map<std::pair<dev_t, ino_t>, std::string> links_;
};

}  // namespace

base::Result<void> gather_folder(Gathering& gathering, const std::string& path,
                                 const FolderOptions& options) {
    base::Fd fd = TRY(base::open_file(path, O_RDONLY | O_DIRECTORY));
    gathering.origins.push_back(Origin{path, std::move(fd), true});
    return Walk(gathering, static_cast<std::uint32_t>(gathering.origins.size() - 1), options).run();
}

base::Result<std::uint32_t> spool_of(Gathering& gathering) {
    if (!gathering.spool) {
        gathering.origins.push_back(Origin{"a temporary file", TRY(make_spool()), false});
        gathering.spool = static_cast<std::uint32_t>(gathering.origins.size() - 1);
    }
    return *gathering.spool;
}

base::Result<void> check_file_size(const std::string& name, std::uint64_t size) {
    if (size <= kMaximumMemberBytes) return {};
    return base::Error::data(fmt::format("{} has {}, the newc format holds files below 4 GiB",
                                         base::quote(name), base::format_size(size)))
        .with_hint("split it (split -b 2G) and join the parts when the enclave starts");
}

}  // namespace eif
