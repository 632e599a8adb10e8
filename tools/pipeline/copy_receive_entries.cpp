// The receiving engine's records about the tree: where it begins, folders, links, the end.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "copy_receive.h"

namespace pipeline {

namespace copy = proto::copy;

void CopyReceiver::on(const copy::Begin& record) {
    if (phase_ != Phase::begin) return bad("begin: not the first record");
    if (record.version != copy::kVersion) {
        bad_because_ = "version: not known here";
        return stop("", {EPROTONOSUPPORT, CopyStep::protocol});
    }
    shape_ = record.shape;
    resume_ = record.resume;
    phase_ = Phase::top;
}

bool CopyReceiver::in_entry_position(const char* what) {
    const bool here = phase_ == Phase::entries || phase_ == Phase::top;
    if (!here) bad(std::string(what) + ": not where entries stand");
    return here;
}

// Whether an entry of this name may come now.
bool CopyReceiver::begin_entry(std::string_view name, const char* what) {
    if (phase_ != Phase::entries) {
        bad(std::string(what) + ": not where entries stand");
        return false;
    }
    Level& level = levels_.back();
    if (name <= level.last_name) {
        bad(std::string(what) + ": names do not ascend");
        return false;
    }
    level.last_name = name;
    progress_.path = path_of(name);
    if (progress_.path.size() > copy::kMaximumPath) {
        bad(std::string(what) + ": path over the limit");
        return false;
    }
    if (counted_.entries >= options_.maximum_entries) {
        stop(progress_.path, {EDQUOT, CopyStep::limit});
        return false;
    }
    progress_.entries = counted_.entries + 1;
    return true;
}

Attributes CopyReceiver::take_attributes(std::uint32_t mode, const copy::Time& time) {
    Attributes attributes = std::exchange(attributes_, {});
    attributes.mode = mode;
    attributes.time = time;
    xattr_bytes_ = 0;
    return attributes;
}

void CopyReceiver::on(const copy::Owner& record) {
    if (!in_entry_position("owner")) return;
    if (attributes_.owner.has_value()) return bad("owner: twice");
    attributes_.owner = {record.user, record.group};
}

void CopyReceiver::on(const copy::Xattr& record) {
    if (!in_entry_position("xattr")) return;
    xattr_bytes_ += record.name.size() + record.value.size();
    if (xattr_bytes_ > copy::kMaximumXattrBytes ||
        attributes_.xattrs.size() >= copy::kMaximumXattrs) {
        return bad("xattr: over the limit");
    }
    attributes_.xattrs.emplace_back(record.name, record.value);
}

void CopyReceiver::on(const copy::Root& record) {
    if (phase_ != Phase::top || shape_ != copy::Shape::tree) return bad("root: not here");
    phase_ = Phase::entries;
    Level level;
    level.serial = counted_.entries++;
    level.attributes = take_attributes(record.mode, record.time);
    MaybeTrouble trouble = Trouble{EISDIR, CopyStep::write};
    if (target_.sink < 0) {
        trouble = open_target(target_, shape_, options_.attributes.umask, top_);
    }
    if (trouble.has_value()) {
        refuse(level.serial, top_.path, *trouble);
    } else {
        level.folder = std::make_shared<TargetFolder>();
        level.folder->fd = std::move(top_.folder);
        level.folder->created = top_.created;
        level.set_attributes = top_.created;
        top_folder_ = level.folder;
        batch_.configure(top_folder_->fd.get(), options_.overwrite, options_.attributes);
    }
    levels_.push_back(std::move(level));
}

void CopyReceiver::on(const copy::Folder& record) {
    if (!begin_entry(record.name, "folder")) return;
    if (levels_.size() > copy::kMaximumDepth) return bad("folder: too deep");
    Level level;
    level.serial = counted_.entries++;
    level.attributes = take_attributes(record.mode, record.time);
    level.set_attributes = true;
    level.path_length = path_.size();
    if (levels_.back().folder != nullptr) {
        if (const auto trouble = make_level(record, level); trouble.has_value()) {
            level.folder.reset();
            refuse(level.serial, path_of(record.name), *trouble);
        }
    }
    path_ = path_of(record.name);
    levels_.push_back(std::move(level));
}

MaybeTrouble CopyReceiver::make_level(const copy::Folder& record, Level& level) {
    const auto& parent = levels_.back().folder;
    const std::string name(record.name);
    auto folder = std::make_shared<TargetFolder>();
    folder->nameless = parent->nameless;
    folder->proven = parent->proven;
    // Open to us alone until everything is in it.
    folder->created = ::mkdirat(parent->fd.get(), name.c_str(), 0700) == 0;
    if (!folder->created && errno != EEXIST) return Trouble{errno, CopyStep::make_folder};
    if (folder->created) batch_.touch(parent);
    folder->fd = base::Fd(open_entry(parent->fd.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
    if (!folder->fd.valid()) return Trouble{errno, CopyStep::make_folder};
    level.folder = std::move(folder);
    return std::nullopt;
}

void CopyReceiver::on(const copy::Leave&) {
    if (phase_ != Phase::entries) return bad("leave: not where entries stand");
    Level level = std::move(levels_.back());
    levels_.pop_back();
    if (level.folder != nullptr && level.set_attributes) {
        CommitBatch::Action action;
        action.kind = CommitBatch::Action::Kind::folder;
        action.folder = level.folder;
        action.serial = level.serial;
        action.path = path_;
        action.attributes = std::move(level.attributes);
        batch_.touch(level.folder);
        batch_.add(std::move(action));
    }
    flushing_ = batch_.full();
    path_.resize(level.path_length);
    if (levels_.empty()) phase_ = Phase::end;
}

void CopyReceiver::on(const copy::Link& record) {
    if (!begin_entry(record.name, "link")) return;
    const std::uint64_t serial = counted_.entries++;
    const Attributes attributes = take_attributes(0777, record.time);
    if (levels_.back().folder == nullptr) return;
    const MaybeTrouble trouble = make_link(record, attributes);
    if (trouble.has_value()) refuse(serial, path_of(record.name), *trouble);
}

MaybeTrouble CopyReceiver::make_link(const copy::Link& record, const Attributes& attributes) {
    const auto& folder = levels_.back().folder;
    const int at = folder->fd.get();
    const std::string target(record.target);
    const std::string name(record.name);
    HiddenName hidden;
    if (::symlinkat(target.c_str(), at, name.c_str()) != 0) {
        if (errno != EEXIST || !options_.overwrite) return Trouble{errno, CopyStep::link};
        struct stat standing {};
        if (::fstatat(at, name.c_str(), &standing, AT_SYMLINK_NOFOLLOW) == 0 &&
            is_special(standing.st_mode)) {
            return Trouble{ENOTSUP, CopyStep::special};
        }
        std::string other = random_hidden_name();
        if (::symlinkat(target.c_str(), at, other.c_str()) != 0) {
            return Trouble{errno, CopyStep::link};
        }
        hidden = HiddenName(folder, std::move(other), false);
    }
    batch_.touch(folder);
    const std::string& now = hidden.exists() ? hidden.name() : name;
    // By descriptor: whatever took the link's place meanwhile does not get its owner.
    const base::Fd link(open_entry(at, now.c_str(), O_PATH));
    struct stat status {};
    if (!link.valid() || ::fstat(link.get(), &status) != 0 || !S_ISLNK(status.st_mode)) {
        return Trouble{EBUSY, CopyStep::link};
    }
    MaybeTrouble trouble;
    const AttributeRules& rules = options_.attributes;
    if (rules.archive && attributes.owner.has_value() &&
        ::fchownat(link.get(), "", attributes.owner->first, attributes.owner->second,
                   AT_EMPTY_PATH) != 0 &&
        ::geteuid() == 0) {
        trouble = Trouble{errno, CopyStep::set_owner};
    }
    const std::array<timespec, 2> times = {
        timespec{0, UTIME_OMIT}, timespec{static_cast<time_t>(attributes.time.seconds),
                                          static_cast<long>(attributes.time.nanoseconds)}};
    if (rules.preserve && ::utimensat(link.get(), "", times.data(), AT_EMPTY_PATH) != 0) {
        trouble = Trouble{errno, CopyStep::set_times};
    }
    if (hidden.exists()) {
        if (::renameat(at, hidden.name().c_str(), at, name.c_str()) != 0) {
            return Trouble{errno, CopyStep::rename};
        }
        hidden.release();
    }
    return trouble;
}

void CopyReceiver::on(const copy::HardLink& record) {
    if (!begin_entry(record.name, "hard_link")) return;
    const std::uint64_t serial = counted_.entries++;
    attributes_ = {};
    if (levels_.back().folder == nullptr) return;
    CommitBatch::Action action;
    action.kind = CommitBatch::Action::Kind::hard_link;
    action.folder = levels_.back().folder;
    action.name = record.name;
    action.serial = serial;
    action.path = path_of(record.name);
    action.target = record.path;
    batch_.add(std::move(action));
    flushing_ = batch_.full();
}

void CopyReceiver::on(const copy::Failed& record) {
    const bool in_file = phase_ == Phase::content || phase_ == Phase::from;
    if (!in_file && !in_entry_position("failed")) return;
    const bool cut_short = in_file && writer_ == nullptr && record.errno_value == ECANCELED;
    if (!cut_short) {
        ++counted_.failures;
        failures_.add({in_file ? file_path_ : path_of(record.name),
                       static_cast<int>(record.errno_value), record.operation, true});
    }
    attributes_ = {};
    if (in_file) return close_file();
    if (shape_ != copy::Shape::tree) phase_ = Phase::end;
}

void CopyReceiver::on(const copy::End& record) {
    if (phase_ != Phase::end) return bad("end: something is still open");
    if (const auto digest = tree_.value(); digest.has_value()) counted_.digest = *digest;
    if (record.entries != counted_.entries || record.bytes != counted_.bytes ||
        record.failures != counted_.failures || record.digest != counted_.digest) {
        return bad("end: not of what came");
    }
    if (shape_ == copy::Shape::tree && refused_ == 0) digest_ = counted_.digest;
    phase_ = Phase::flushing;
}

}  // namespace pipeline
