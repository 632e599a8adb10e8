// Whole-file reading and atomic replacement.
//
// The temporary file has no name (O_TMPFILE) where the file system can do that, so that not even
// SIGKILL leaves a rest behind; elsewhere it is a hidden name in the same folder.
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "base/format.h"
#include "base/text.h"

namespace base {

namespace {

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string hidden_name(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    return folder_of(path) + "/." + name.substr(0, 200) + ".XXXXXX";
}

bool is_link(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

// linkat() does not replace, so a nameless file first gets a hidden name and is then renamed.
Result<std::string> give_name(int fd, const std::string& path) {
    const std::string source = fmt::format("/proc/self/fd/{}", fd);
    for (int attempt = 0; attempt < 100; ++attempt) {
        std::string name = hidden_name(path);
        name.resize(name.size() - 6);
        name += fmt::format("{:x}.{}", ::getpid(), attempt);
        if (::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
            return name;
        }
        if (errno != EEXIST) return Error::system("write", path);
    }
    return Error::system("write", path, EEXIST);
}

}  // namespace

Result<Fd> open_file(const std::string& path, int flags, unsigned mode) {
    while (true) {
        Fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
        if (fd.valid()) return fd;
        if (errno != EINTR) return Error::system("open", path);
    }
}

Result<void> make_parents(const std::string& path, unsigned mode) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
        const std::string folder = path.substr(0, slash);
        if (::mkdir(folder.c_str(), mode) != 0 && errno != EEXIST) {
            return Error::system("make the folder", folder);
        }
    }
    return {};
}

Result<std::string> read_file(const std::string& path, std::size_t maximum_bytes) {
    const Fd fd = path == "-" ? TRY(duplicate(STDIN_FILENO)) : TRY(open_file(path, O_RDONLY));
    constexpr std::size_t kStep = 64 * 1024;
    std::string content;
    while (true) {
        const std::size_t filled = content.size();
        content.resize(filled + kStep);
        const std::size_t count = TRY(read_full(
            fd.get(), std::as_writable_bytes(std::span(content.data() + filled, kStep)), path));
        content.resize(filled + count);
        if (content.size() > maximum_bytes) {
            return Error::data(
                fmt::format("{} is larger than {}", quote(path), format_size(maximum_bytes)));
        }
        if (count < kStep) return content;
    }
}

Result<OutputFile> OutputFile::create(const std::string& path, unsigned mode) {
    if (path == "-") return OutputFile(path, "", TRY(duplicate(STDOUT_FILENO)), true);
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) {
        if (S_ISDIR(status.st_mode)) return Error::system("write", path, EISDIR);
        if (!S_ISREG(status.st_mode)) {
            Fd device = TRY(open_file(path, O_WRONLY));
            return OutputFile(path, "", std::move(device), true);
        }
        const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                               &std::free);
        if (real != nullptr && path != real.get() && is_link(path)) {
            return create(real.get(), mode);
        }
    }
    Fd nameless(::open(folder_of(path).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, mode));
    if (nameless.valid()) return OutputFile(path, "", std::move(nameless));
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
        return Error::system("create", path);
    }
    std::string name = hidden_name(path);
    Fd fd(::mkostemp(name.data(), O_CLOEXEC));
    if (!fd.valid()) return Error::system("create", path);
    const mode_t mask = ::umask(0);
    ::umask(mask);
    if (::fchmod(fd.get(), mode & ~mask) != 0) return Error::system("create", path);
    return OutputFile(path, std::move(name), std::move(fd));
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_path_(std::exchange(other.temporary_path_, {})),
      fd_(std::move(other.fd_)),
      in_place_(other.in_place_) {}

OutputFile::~OutputFile() {
    if (!temporary_path_.empty()) ::unlink(temporary_path_.c_str());
}

Result<void> OutputFile::commit() {
    if (in_place_) {
        fd_.reset();
        return {};
    }
    if (::fsync(fd_.get()) != 0) return Error::system("write", path_);
    if (temporary_path_.empty()) temporary_path_ = TRY(give_name(fd_.get(), path_));
    if (::rename(temporary_path_.c_str(), path_.c_str()) != 0) {
        return Error::system("replace", path_);
    }
    temporary_path_.clear();
    fd_.reset();
    const Fd folder = TRY(open_file(folder_of(path_), O_RDONLY | O_DIRECTORY));
    if (::fsync(folder.get()) != 0 && errno != EINVAL && errno != EROFS) {
        return Error::system("write the folder of", path_);
    }
    return {};
}

}  // namespace base
