// The sending engine: how bytes get out, the content of a file, and the beginning and the end.
#include "copy_send.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace pipeline {

namespace copy = proto::copy;

namespace {

// Less room than this behind a header is not worth a read of its own.
constexpr std::size_t kLeastRead = 4096;
// What one call of fill() hashes of a prefix that a resumed file has at the receiver.
constexpr std::uint64_t kPrefixStep = 4 * 1024 * 1024;

}  // namespace

CopySender::CopySender(CopySource source, SendOptions options)
    : source_(std::move(source)), options_(options) {}

void CopySender::put(const copy::Record& record) {
    const std::size_t start = pending_.size();
    copy::encode(record, pending_);
    if (copy::in_tree_digest(copy::kind_of(record)))
        tree_.update(std::span(pending_).subspan(start));
}

CopySender::Filled CopySender::fill(std::span<std::byte> out) {
    std::size_t produced = 0;
    waiting_input_ = false;
    for (bool rested = false;;) {
        const std::size_t ready = std::min(pending_.size() - pending_at_, out.size() - produced);
        std::copy_n(pending_.begin() + static_cast<std::ptrdiff_t>(pending_at_), ready,
                    out.begin() + static_cast<std::ptrdiff_t>(produced));
        produced += ready;
        pending_at_ += ready;
        if (phase_ == Phase::failed) return {produced, State::failed};
        if (pending_at_ < pending_.size()) return {produced, State::more};
        pending_.clear();
        pending_at_ = 0;
        if (phase_ == Phase::done) return {produced, State::done};
        if (phase_ == Phase::asked || phase_ == Phase::waiting_done) {
            return {produced, State::waiting_answer};
        }
        if (waiting_input_) return {produced, State::waiting_input};
        if (rested) return {produced, State::more};
        const std::span<std::byte> room = out.subspan(produced);
        if (produced > 0 && room.size() < copy::kHeaderBytes + kLeastRead) {
            return {produced, State::more};
        }
        // A step that takes long is the last one of this call.
        const std::uint64_t before = progress_.bytes;
        rested = phase_ == Phase::prefix;
        if (phase_ == Phase::content) {
            content(room, produced);
            rested = progress_.bytes - before > out.size();
        } else {
            step(room);
        }
    }
}

void CopySender::step(std::span<std::byte> scratch) {
    switch (phase_) {
        case Phase::begin: return begin();
        case Phase::next: return next_entry();
        case Phase::prefix: return prefix(scratch);
        case Phase::end: {
            if (const auto digest = tree_.value(); digest.has_value()) sent_.digest = *digest;
            if (source_.shape == copy::Shape::tree) digest_ = sent_.digest;
            put(copy::End{sent_});
            phase_ = Phase::waiting_done;
            return;
        }
        default: return;
    }
}

void CopySender::begin() {
    const copy::Shape shape = options_.part.has_value() ? copy::Shape::part : source_.shape;
    put(copy::Begin{copy::kVersion, shape, options_.resume, options_.archive});
    if (source_.shape != copy::Shape::tree) {
        return open_file(std::move(source_.fd), source_.status, source_.name, false);
    }
    FolderList names;
    const MaybeTrouble unlisted = names.read(source_.fd.get());
    Attributes attributes;
    put_attributes(source_.status, attributes);
    put(copy::Root{source_.status.st_mode & 07777u, modified(source_.status)});
    levels_.push_back({std::move(source_.fd), std::move(names), sent_.entries++, 0});
    if (unlisted.has_value()) fail_entry("", *unlisted);
    phase_ = Phase::next;
}

void CopySender::content(std::span<std::byte> out, std::size_t& produced) {
    std::array<std::byte, kLeastRead> aside;
    const bool direct = out.size() >= copy::kHeaderBytes + kLeastRead;
    const std::span<std::byte> buffer =
        direct ? out.subspan(copy::kHeaderBytes)
                     .first(std::min(out.size() - copy::kHeaderBytes, copy::kMaximumData))
               : std::span<std::byte>(aside);
    const FileReader::Piece piece = reader_->next(buffer);
    const auto length = static_cast<std::size_t>(piece.length);
    switch (piece.kind) {
        case FileReader::Piece::Kind::data:
            if (direct) {
                copy::encode_data_header(out.first<copy::kHeaderBytes>(), length);
                produced += copy::kHeaderBytes + length;
            } else {
                put(copy::Data{length});
                pending_.insert(pending_.end(), aside.begin(),
                                aside.begin() + static_cast<std::ptrdiff_t>(length));
            }
            break;
        case FileReader::Piece::Kind::hole: put(copy::Hole{piece.length}); break;
        case FileReader::Piece::Kind::end: return end_file();
        case FileReader::Piece::Kind::waiting: waiting_input_ = true; return;
        case FileReader::Piece::Kind::trouble: return drop_file(piece.trouble, false);
    }
    sent_.bytes += piece.length;
    progress_.bytes += piece.length;
    progress_.file_bytes = reader_->position();
}

void CopySender::prefix(std::span<std::byte> scratch) {
    std::array<std::byte, kLeastRead> aside;
    if (scratch.size() < aside.size()) scratch = aside;
    MaybeTrouble failed;
    const std::uint64_t until = std::min(have_.size, reader_->position() + kPrefixStep);
    while (!reader_->hash_prefix(until, scratch, failed)) {
        if (failed.has_value()) return drop_file(*failed, false);
    }
    if (reader_->position() < have_.size) return;
    if (reader_->digest() != have_.digest) reader_->rewind();
    progress_.file_bytes = reader_->position();
    put(copy::From{reader_->position()});
    phase_ = Phase::content;
}

void CopySender::end_file() {
    const auto digest = reader_->digest();
    if (!digest.has_value()) return drop_file({ENOMEM, CopyStep::compare}, false);
    const std::uint64_t first = options_.part.has_value() ? options_.part->offset : 0;
    put(copy::FileEnd{reader_->position() - first, *digest});
    if (source_.shape != copy::Shape::tree) digest_ = digest;
    reader_.reset();
    phase_ = levels_.empty() ? Phase::end : Phase::next;
}

void CopySender::drop_file(const Trouble& trouble, bool refused) {
    const auto errno_value = static_cast<std::uint32_t>(refused ? ECANCELED : trouble.errno_value);
    put(copy::Failed{errno_value, trouble.operation, file_name_});
    if (!refused) {
        ++sent_.failures;
        failures_.add({path_of(file_name_), trouble.errno_value, trouble.operation, false});
    }
    linked_.erase(file_inode_);
    reader_.reset();
    phase_ = levels_.empty() ? Phase::end : Phase::next;
}

void CopySender::fail_entry(const std::string& name, const Trouble& trouble) {
    put(copy::Failed{static_cast<std::uint32_t>(trouble.errno_value), trouble.operation, name});
    ++sent_.failures;
    failures_.add({path_of(name), trouble.errno_value, trouble.operation, false});
}

std::string CopySender::path_of(const std::string& name) const {
    if (path_.empty() || name.empty()) return path_ + name;
    return path_ + '/' + name;
}

}  // namespace pipeline
