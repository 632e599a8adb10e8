// Temporary files and writing into them.
#include "copy_file_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"
#include "crypto/digest.h"
#include "jail.h"

namespace pipeline {

namespace {

constexpr std::string_view kHiddenPrefix = ".enclavebox-";
constexpr std::size_t kReadStep = 64 * 1024;
// What one call of hash_existing() reads.
constexpr std::uint64_t kHashStep = 4 * 1024 * 1024;
// To get a partial file that is ours, against whoever else is at work in the folder.
constexpr int kAttempts = 3;
constexpr auto kLockStep = std::chrono::milliseconds(20);

// A nameless file gets its name through /proc, which not every root has.
bool has_proc_descriptors() {
    return ::access("/proc/self/fd", X_OK) == 0;
}

// A file that is ours alone: no other name, no other owner, nothing special.
bool is_own_file(const struct stat& status) {
    return S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid == ::geteuid();
}

bool has_name(int fd, int folder, const std::string& name) {
    struct stat held {};
    struct stat named {};
    return ::fstat(fd, &held) == 0 &&
           ::fstatat(folder, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

// Locks the file, waiting for as long as `patience`; false with errno otherwise.
bool locked_within(int fd, int lock, std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (::flock(fd, lock | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() >= until) return false;
        ::poll(nullptr, 0, kLockStep.count());
    }
    return true;
}

}  // namespace

std::string partial_name(const std::string& name) {
    const auto digest = crypto::hash(crypto::HashAlgorithm::sha256, base::as_bytes(name));
    if (!digest.ok()) return random_hidden_name();
    return std::string(kHiddenPrefix) + base::to_hex(digest.value()).substr(0, 32) + ".part";
}

std::string random_hidden_name() {
    std::array<std::byte, 8> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) < 0) bytes.fill(std::byte{0});
    return std::string(kHiddenPrefix) + base::to_hex(bytes);
}

HiddenName& HiddenName::operator=(HiddenName&& other) noexcept {
    if (this != &other) {
        remove();
        folder_ = std::move(other.folder_);
        name_ = std::exchange(other.name_, {});
        stays_ = other.stays_;
    }
    return *this;
}

void HiddenName::remove() {
    if (!name_.empty() && !stays_) ::unlinkat(folder_->fd.get(), name_.c_str(), 0);
    if (!stays_) name_.clear();
}

MaybeTrouble FileWriter::open(const std::shared_ptr<TargetFolder>& folder, const std::string& name,
                              Way way, std::chrono::milliseconds patience) {
    if (way != Way::fresh) return open_stable(folder, name, way == Way::shared, patience);
    if (folder->nameless) {
        fd_ = base::Fd(::openat(folder->fd.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        folder->proven = folder->proven || (fd_.valid() && has_proc_descriptors());
        if (fd_.valid() && folder->proven) return std::nullopt;
        if (!fd_.valid() && errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
            return Trouble{errno, CopyStep::create};
        }
        folder->nameless = false;
    }
    return open_hidden(folder);
}

MaybeTrouble FileWriter::open_hidden(const std::shared_ptr<TargetFolder>& folder) {
    std::string hidden = random_hidden_name();
    fd_ = base::Fd(open_entry(folder->fd.get(), hidden.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
    if (!fd_.valid()) return Trouble{errno, CopyStep::create};
    hidden_ = HiddenName(folder, std::move(hidden), false);
    return std::nullopt;
}

MaybeTrouble FileWriter::open_stable(const std::shared_ptr<TargetFolder>& folder,
                                     const std::string& name, bool shared,
                                     std::chrono::milliseconds patience) {
    const std::string hidden = partial_name(name);
    const int at = folder->fd.get();
    shared_ = shared;
    struct stat status {};
    for (int attempt = 0;; ++attempt) {
        fd_ = base::Fd(
            open_entry(at, hidden.c_str(), O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY, 0600));
        const int error = errno;
        const bool own = fd_.valid() && ::fstat(fd_.get(), &status) == 0 && is_own_file(status);
        // Two transfers of one file would spoil each other's half.
        if (own && !locked_within(fd_.get(), shared ? LOCK_SH : LOCK_EX, patience)) {
            return Trouble{errno == EWOULDBLOCK ? EBUSY : errno, CopyStep::create};
        }
        // Whoever had the lock before may have given the file its final name meanwhile.
        if (own && has_name(fd_.get(), at, hidden)) break;
        if (attempt == kAttempts) return Trouble{fd_.valid() ? EPERM : error, CopyStep::create};
        // A link or something else in our place is removed, never written through.
        if (!own && ::unlinkat(at, hidden.c_str(), 0) != 0 && errno != ENOENT) {
            return Trouble{errno, CopyStep::create};
        }
    }
    hidden_ = HiddenName(folder, hidden, true);
    existing_ = static_cast<std::uint64_t>(status.st_size);
    return std::nullopt;
}

bool FileWriter::hash_existing(MaybeTrouble& trouble) {
    std::array<std::byte, kReadStep> buffer;
    const std::uint64_t until = std::min(existing_, position_ + kHashStep);
    while (position_ < until) {
        const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), existing_ - position_);
        const ssize_t count =
            ::pread(fd_.get(), buffer.data(), wanted, static_cast<off_t>(position_));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            trouble = Trouble{count < 0 ? errno : EBUSY, CopyStep::read};
            return false;
        }
        digest_.update(std::span(buffer).first(static_cast<std::size_t>(count)));
        position_ += static_cast<std::uint64_t>(count);
    }
    return position_ == existing_;
}

MaybeTrouble FileWriter::start(std::uint64_t offset) {
    if (offset == position_) return std::nullopt;
    position_ = 0;
    digest_.reset();
    if (::ftruncate(fd_.get(), 0) != 0) return Trouble{errno, CopyStep::write};
    return std::nullopt;
}

MaybeTrouble FileWriter::start_part(std::uint64_t offset, std::uint64_t size) {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
        return Trouble{errno, CopyStep::write};
    }
    position_ = offset;
    return std::nullopt;
}

MaybeTrouble FileWriter::write(std::span<const std::byte> bytes) {
    digest_.update(bytes);
    hole_at_end_ = false;
    while (!bytes.empty()) {
        const ssize_t count =
            ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(position_));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return Trouble{count < 0 ? errno : ENOSPC, CopyStep::write};
        position_ += static_cast<std::uint64_t>(count);
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return std::nullopt;
}

MaybeTrouble FileWriter::hole(std::uint64_t length) {
    digest_.zeros(length);
    // What an earlier attempt left in a shared file need not be zeros.
    if (shared_ && ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                               static_cast<off_t>(position_), static_cast<off_t>(length)) != 0) {
        return Trouble{errno, CopyStep::write};
    }
    position_ += length;
    hole_at_end_ = true;
    return std::nullopt;
}

MaybeTrouble FileWriter::finish() {
    if (hole_at_end_ && !shared_ && ::ftruncate(fd_.get(), static_cast<off_t>(position_)) != 0) {
        return Trouble{errno, CopyStep::write};
    }
    // Only a hint: fsync() follows in the commit, and finds the work under way.
    ::sync_file_range(fd_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
    return std::nullopt;
}

}  // namespace pipeline
