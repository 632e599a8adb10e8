// The sending engine's walk: one entry after another, by single names from open folders. Nothing
// is opened through a link, and a folder is only entered from its parent, so there is no cycle.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "copy_send.h"

namespace pipeline {

namespace copy = proto::copy;

namespace {

// Inodes remembered because other names of theirs may follow; past it, names become files.
constexpr std::size_t kMaximumLinked = 100'000;

}  // namespace

void CopySender::next_entry() {
    const char* name = levels_.back().names.next();
    if (name == nullptr) return leave();
    // Some file systems have longer ones than a record may hold.
    if (!copy::is_name(name)) return fail_entry("", {ENAMETOOLONG, CopyStep::open});
    struct stat status {};
    if (::fstatat(levels_.back().folder.get(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return fail_entry(name, {errno, CopyStep::open});
    }
    progress_.path = path_of(name);
    if (progress_.path.size() > copy::kMaximumPath) {
        return fail_entry(name, {ENAMETOOLONG, CopyStep::open});
    }
    if (S_ISDIR(status.st_mode)) return send_folder(name);
    if (S_ISLNK(status.st_mode)) return send_link(name, status);
    if (!S_ISREG(status.st_mode)) return fail_entry(name, {ENOTSUP, CopyStep::special});
    if (status.st_nlink > 1 && send_hard_link(name, status)) return;
    send_file(name);
}

void CopySender::leave() {
    path_.resize(levels_.back().path_length);
    levels_.pop_back();
    put(copy::Leave{});
    if (levels_.empty()) phase_ = Phase::end;
}

void CopySender::send_folder(const char* name) {
    if (levels_.size() > copy::kMaximumDepth) {
        return fail_entry(name, {ENAMETOOLONG, CopyStep::open});
    }
    base::Fd fd(open_entry(levels_.back().folder.get(), name, O_RDONLY | O_DIRECTORY));
    struct stat status {};
    if (!fd.valid() || ::fstat(fd.get(), &status) != 0) {
        return fail_entry(name, {errno, CopyStep::open});
    }
    FolderList names;
    if (const auto failed = names.read(fd.get()); failed.has_value()) {
        return fail_entry(name, *failed);
    }
    Attributes attributes;
    if (options_.archive) {
        if (const auto failed = read_xattrs(fd.get(), attributes.xattrs); failed.has_value()) {
            return fail_entry(name, *failed);
        }
    }
    put_attributes(status, attributes);
    put(copy::Folder{status.st_mode & 07777u, modified(status), name});
    const std::size_t path_length = path_.size();
    path_ = path_of(name);
    levels_.push_back({std::move(fd), std::move(names), sent_.entries++, path_length});
    progress_.entries = sent_.entries;
}

void CopySender::send_file(const char* name) {
    // Whatever was put in place of the file since it was looked at: a pipe does not hold us up.
    base::Fd fd(open_entry(levels_.back().folder.get(), name, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (!fd.valid() || ::fstat(fd.get(), &status) != 0) {
        return fail_entry(name, {errno, CopyStep::open});
    }
    if (!S_ISREG(status.st_mode)) return fail_entry(name, {ENOTSUP, CopyStep::special});
    const bool linked = status.st_nlink > 1 && linked_.size() < kMaximumLinked;
    open_file(std::move(fd), status, name, linked);
}

void CopySender::open_file(base::Fd fd, const struct stat& status, const std::string& name,
                           bool linked) {
    Attributes attributes;
    if (options_.archive && !source_.stream) {
        if (const auto failed = read_xattrs(fd.get(), attributes.xattrs); failed.has_value()) {
            fail_entry(name, *failed);
            if (levels_.empty()) phase_ = Phase::end;
            return;
        }
    }
    // Files like those of /proc say 0 and have content all the same.
    std::byte probe{};
    const bool unsized =
        source_.stream || (status.st_size == 0 && ::pread(fd.get(), &probe, 1, 0) == 1);
    copy::File file{status.st_mode & 07777u, modified(status), 0, name};
    file.size = unsized ? 0 : static_cast<std::uint64_t>(status.st_size);
    file.asks = options_.resume && !unsized && !options_.part.has_value();
    file.linked = linked;
    file.unsized = unsized;
    file.plain = source_.stream;
    if (!source_.stream) put_attributes(status, attributes);
    put(file);
    file_name_ = name;
    file_serial_ = sent_.entries++;
    file_inode_ = {status.st_dev, status.st_ino};
    if (linked) linked_[file_inode_] = {path_of(name), status.st_nlink - 1};
    std::uint64_t from = 0;
    std::uint64_t until = file.size;
    if (options_.part.has_value()) {
        from = options_.part->offset = std::min(options_.part->offset, file.size);
        until = from + std::min(options_.part->length, file.size - from);
        put(copy::From{from});
    }
    progress_.entries = sent_.entries;
    progress_.file_size = until - from;
    progress_.file_bytes = 0;
    progress_.path = path_of(name);
    reader_ = unsized ? FileReader::stream(std::move(fd))
                      : FileReader::file(std::move(fd), status, from, until);
    phase_ = file.asks ? Phase::asked : Phase::content;
}

void CopySender::put_attributes(const struct stat& status, const Attributes& attributes) {
    if (!options_.archive) return;
    put(copy::Owner{status.st_uid, status.st_gid});
    for (const auto& [name, value] : attributes.xattrs)
        put(copy::Xattr{name, value});
}

void CopySender::send_link(const char* name, const struct stat& status) {
    std::array<char, copy::kMaximumPath + 1> target;
    const ssize_t length =
        ::readlinkat(levels_.back().folder.get(), name, target.data(), target.size());
    if (length <= 0) return fail_entry(name, {length < 0 ? errno : EINVAL, CopyStep::read});
    const auto size = static_cast<std::size_t>(length);
    if (size > copy::kMaximumPath) return fail_entry(name, {ENAMETOOLONG, CopyStep::read});
    put_attributes(status, {});
    put(copy::Link{modified(status), std::string_view(target.data(), size), name});
    ++sent_.entries;
}

bool CopySender::send_hard_link(const char* name, const struct stat& status) {
    const auto known = linked_.find({status.st_dev, status.st_ino});
    if (known == linked_.end()) return false;
    put(copy::HardLink{known->second.path, name});
    ++sent_.entries;
    if (known->second.left <= 1) {
        linked_.erase(known);
    } else {
        --known->second.left;
    }
    return true;
}

}  // namespace pipeline
