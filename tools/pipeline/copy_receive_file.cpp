// The receiving engine's records about one file: what is there of it, its content, its end.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "copy_receive.h"

namespace pipeline {

namespace copy = proto::copy;

void CopyReceiver::on(const copy::File& record) {
    const bool single = shape_ != copy::Shape::tree;
    if (single ? phase_ != Phase::top : !begin_entry(record.name, "file")) {
        return single ? bad("file: not here") : void();
    }
    file_serial_ = counted_.entries++;
    progress_.entries = counted_.entries;
    file_attributes_ = take_attributes(record.mode, record.time);
    file_attributes_.plain = record.plain;
    file_size_ = record.size;
    file_unsized_ = record.unsized;
    file_asks_ = record.asks;
    file_linked_ = record.linked;
    file_is_sink_ = false;
    file_position_ = file_first_ = 0;
    progress_.file_bytes = 0;
    progress_.file_size = record.size;
    file_name_ = record.name;
    file_path_ = path_of(record.name);
    phase_ = record.asks || shape_ == copy::Shape::part ? Phase::from : Phase::content;
    if (record.asks && !resume_) return bad("file: asks without resume");
    if (record.asks && shape_ == copy::Shape::part) return bad("file: a part that asks");
    if (record.size > options_.maximum_bytes) {
        return stop(file_path_, {EFBIG, CopyStep::limit});
    }
    if (!single && levels_.back().folder == nullptr) {
        // In a refused folder: nobody writes it, but who asks gets an answer.
        if (record.asks) {
            answer(copy::Skip{file_serial_});
            close_file();
        }
        return;
    }
    if (const auto trouble = open_file(record); trouble.has_value()) refuse_file(*trouble);
}

MaybeTrouble CopyReceiver::open_file(const copy::File& record) {
    std::shared_ptr<TargetFolder> folder;
    if (shape_ == copy::Shape::tree) {
        folder = levels_.back().folder;
    } else if (target_.sink >= 0) {
        if (shape_ == copy::Shape::part) return Trouble{EINVAL, CopyStep::write};
        file_is_sink_ = true;
        sink_digest_.reset();
        if (!record.asks) return std::nullopt;
        answer(copy::Have{file_serial_, 0, {}});
        return std::nullopt;
    } else {
        const auto trouble = open_target(target_, shape_, options_.attributes.umask, top_);
        file_path_ = progress_.path = top_.path;
        if (trouble.has_value()) return trouble;
        folder = top_folder_ = std::make_shared<TargetFolder>();
        folder->fd = std::move(top_.folder);
        file_name_ = top_.name;
        batch_.configure(folder->fd.get(), options_.overwrite, options_.attributes);
    }
    if (!folder->created) {
        struct stat status {};
        const bool stands =
            ::fstatat(folder->fd.get(), file_name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
        if (stands && S_ISDIR(status.st_mode)) return Trouble{EISDIR, CopyStep::create};
        if (stands && is_special(status.st_mode)) return Trouble{ENOTSUP, CopyStep::special};
        if (stands && record.asks && is_there_already(record)) {
            if (record.linked) batch_.add_linked(status);
            answer(copy::Skip{file_serial_});
            close_file();
            return std::nullopt;
        }
        if (stands && !options_.overwrite) return Trouble{EEXIST, CopyStep::create};
    }
    writer_ = std::make_unique<FileWriter>();
    using Way = FileWriter::Way;
    const bool partial = record.asks && options_.resume;
    const Way way = shape_ == copy::Shape::part ? Way::shared : partial ? Way::partial : Way::fresh;
    const auto trouble = writer_->open(folder, file_name_, way, options_.patience);
    if (trouble.has_value()) return trouble;
    if (record.asks) phase_ = Phase::asked;
    return std::nullopt;
}

// In a tree, size, time and mode tell; a single file is always compared by its digest.
bool CopyReceiver::is_there_already(const copy::File& record) {
    struct stat status {};
    if (!options_.resume || shape_ != copy::Shape::tree ||
        ::fstatat(levels_.back().folder->fd.get(), file_name_.c_str(), &status,
                  AT_SYMLINK_NOFOLLOW) != 0) {
        return false;
    }
    return S_ISREG(status.st_mode) && static_cast<std::uint64_t>(status.st_size) == record.size &&
           modified(status) == record.time &&
           (status.st_mode & 07777u) == final_mode(file_attributes_, options_.attributes, false);
}

void CopyReceiver::offer() {
    const auto digest = writer_->digest();
    const std::uint64_t size = digest.has_value() ? writer_->existing_bytes() : 0;
    answer(copy::Have{file_serial_, size, size > 0 ? *digest : copy::DigestBytes{}});
    phase_ = Phase::from;
}

void CopyReceiver::on(const copy::From& record) {
    if (phase_ != Phase::from) return bad("from: nobody asked");
    const bool part = shape_ == copy::Shape::part;
    const std::uint64_t held = writer_ != nullptr ? writer_->existing_bytes() : 0;
    if (record.offset > file_size_ || (!part && record.offset != 0 && record.offset != held)) {
        return bad("from: not what was offered");
    }
    phase_ = Phase::content;
    file_position_ = record.offset;
    progress_.file_bytes = record.offset;
    file_first_ = part ? record.offset : 0;
    if (writer_ == nullptr) return;
    const MaybeTrouble trouble =
        part ? writer_->start_part(record.offset, file_size_) : writer_->start(record.offset);
    if (trouble.has_value()) refuse_file(*trouble);
}

// Whether content of this length may come now.
bool CopyReceiver::count_bytes(std::uint64_t length) {
    if (phase_ != Phase::content) {
        bad("content: no file is open");
        return false;
    }
    const std::uint64_t most = file_unsized_ ? copy::kMaximumSize : file_size_;
    if (length > most - file_position_) {
        bad("content: more than the size");
        return false;
    }
    counted_.bytes += length;
    if (counted_.bytes > options_.maximum_bytes) {
        stop(file_path_, {EFBIG, CopyStep::limit});
        return false;
    }
    return true;
}

void CopyReceiver::on(const copy::Data& record) {
    if (count_bytes(record.length)) data_left_ = record.length;
}

void CopyReceiver::on(const copy::Hole& record) {
    if (!count_bytes(record.length)) return;
    file_position_ += record.length;
    progress_.bytes += record.length;
    progress_.file_bytes = file_position_;
    if (file_is_sink_) {
        sink_digest_.zeros(record.length);
        sink_zeros_ = record.length;
    } else if (writer_ != nullptr) {
        if (const auto trouble = writer_->hole(record.length); trouble.has_value()) {
            return refuse_file(*trouble);
        }
    } else {
        return;
    }
    zeros_hashed_ += record.length;
}

void CopyReceiver::on(const copy::FileEnd& record) {
    if (phase_ != Phase::content) return bad("file_end: no file is open");
    const std::uint64_t carried = file_position_ - file_first_;
    const bool whole = file_unsized_ || shape_ == copy::Shape::part || carried == file_size_;
    if (record.size != carried || !whole) return bad("file_end: not the size of what came");
    if (writer_ != nullptr || file_is_sink_) finish_file(record);
    if (phase_ != Phase::failed) close_file();
}

void CopyReceiver::finish_file(const copy::FileEnd& record) {
    const auto digest = file_is_sink_ ? sink_digest_.value() : writer_->digest();
    if (!digest.has_value() || *digest != record.digest) {
        if (writer_ != nullptr) writer_->hidden().discard();
        return refuse(file_serial_, file_path_, {EBADMSG, CopyStep::compare});
    }
    if (!file_is_sink_) {
        if (const auto trouble = commit_file(); trouble.has_value()) {
            return refuse(file_serial_, file_path_, *trouble);
        }
    }
    if (shape_ != copy::Shape::tree) digest_ = digest;
}

MaybeTrouble CopyReceiver::commit_file() {
    if (shape_ == copy::Shape::part) {
        // Its name comes with the resumed transfer after all parts.
        if (::fsync(writer_->fd()) != 0) return Trouble{errno, CopyStep::sync};
        return std::nullopt;
    }
    if (const auto trouble = writer_->finish(); trouble.has_value()) return trouble;
    const auto lacking =
        apply_attributes(writer_->fd(), file_attributes_, options_.attributes, false);
    if (lacking.has_value()) refuse(file_serial_, file_path_, *lacking);
    CommitBatch::Action action;
    action.folder = shape_ == copy::Shape::tree ? levels_.back().folder : top_folder_;
    action.name = file_name_;
    action.serial = file_serial_;
    action.path = file_path_;
    action.fd = writer_->take_fd();
    action.hidden = writer_->take_hidden();
    action.linked = file_linked_;
    batch_.add(std::move(action));
    flushing_ = batch_.full();
    return std::nullopt;
}

// The file under way is given up here; what comes of it passes into nothing.
void CopyReceiver::refuse_file(const Trouble& trouble) {
    writer_.reset();
    file_is_sink_ = false;
    refuse(file_serial_, file_path_, trouble);
    if (phase_ == Phase::failed) return;
    // A refusal is the answer to a file that asks, and nothing of it comes then.
    if (file_asks_ && phase_ != Phase::content) close_file();
}

void CopyReceiver::close_file() {
    writer_.reset();
    file_is_sink_ = false;
    phase_ = shape_ == copy::Shape::tree ? Phase::entries : Phase::end;
}

}  // namespace pipeline
