// Reading a file along its segments.
#include "copy_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "copy_attributes.h"

namespace pipeline {

using Piece = FileReader::Piece;

namespace {

Piece trouble(int errno_value, CopyStep operation) {
    return {Piece::Kind::trouble, 0, {errno_value, operation}};
}

}  // namespace

FileReader FileReader::file(base::Fd fd, const struct stat& status, std::uint64_t from,
                            std::uint64_t until) {
    FileReader reader(std::move(fd));
    reader.before_ = status;
    reader.position_ = from;
    reader.until_ = until;
    // A file in full blocks has no hole worth a system call to find it.
    reader.sparse_ = status.st_blocks * 512 < status.st_size;
    reader.data_from_ = from;
    reader.data_until_ = reader.sparse_ ? from : until;
    return reader;
}

FileReader FileReader::stream(base::Fd fd) {
    FileReader reader(std::move(fd));
    reader.stream_ = true;
    return reader;
}

Piece FileReader::next_of_stream(std::span<std::byte> buffer) {
    while (true) {
        const ssize_t count = ::read(fd_.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return {Piece::Kind::waiting, 0, {}};
        }
        if (count < 0) return trouble(errno, CopyStep::read);
        if (count == 0) return {};
        const auto length = static_cast<std::size_t>(count);
        digest_.update(buffer.first(length));
        position_ += length;
        return {Piece::Kind::data, length, {}};
    }
}

MaybeTrouble FileReader::find_segment() {
    const off_t data = ::lseek(fd_.get(), static_cast<off_t>(position_), SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
        data_from_ = data_until_ = until_;  // a hole to the end, or the file shrank: finish() sees
        return std::nullopt;
    }
    if (data < 0) return Trouble{errno, CopyStep::read};
    data_from_ = std::min(static_cast<std::uint64_t>(data), until_);
    const off_t hole = ::lseek(fd_.get(), data, SEEK_HOLE);
    if (hole < 0 && errno == ENXIO) return Trouble{EBUSY, CopyStep::follow};
    if (hole < 0) return Trouble{errno, CopyStep::read};
    data_until_ = std::min(static_cast<std::uint64_t>(hole), until_);
    if (data_from_ < until_ && data_until_ <= data_from_) return Trouble{EBUSY, CopyStep::follow};
    return std::nullopt;
}

Piece FileReader::finish() const {
    struct stat now {};
    if (::fstat(fd_.get(), &now) != 0) return trouble(errno, CopyStep::read);
    if (now.st_size != before_.st_size || modified(now) != modified(before_)) {
        return trouble(EBUSY, CopyStep::follow);
    }
    return {};
}

Piece FileReader::next(std::span<std::byte> buffer) {
    if (stream_) return next_of_stream(buffer);
    if (position_ >= until_) return finish();
    if (position_ >= data_until_) {
        if (const MaybeTrouble failed = find_segment(); failed.has_value()) {
            return {Piece::Kind::trouble, 0, *failed};
        }
    }
    if (position_ < data_from_) {
        const std::uint64_t length = std::min(data_from_ - position_, proto::copy::kMaximumHole);
        digest_.zeros(length);
        position_ += length;
        return {Piece::Kind::hole, length, {}};
    }
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), data_until_ - position_);
    ssize_t count = 0;
    do {
        count = ::pread(fd_.get(), buffer.data(), wanted, static_cast<off_t>(position_));
    } while (count < 0 && errno == EINTR);
    if (count < 0) return trouble(errno, CopyStep::read);
    if (count == 0) return trouble(EBUSY, CopyStep::follow);  // it shrank
    const auto length = static_cast<std::size_t>(count);
    digest_.update(buffer.first(length));
    position_ += length;
    return {Piece::Kind::data, length, {}};
}

bool FileReader::hash_prefix(std::uint64_t length, std::span<std::byte> scratch,
                             MaybeTrouble& failed) {
    if (position_ >= length) return true;
    const std::uint64_t whole = std::exchange(until_, std::min(until_, length));
    data_until_ = std::min(data_until_, until_);
    const Piece piece = next(scratch);
    until_ = whole;
    if (piece.kind == Piece::Kind::trouble) failed = piece.trouble;
    if (position_ < length) return false;
    data_from_ = position_;
    data_until_ = sparse_ ? position_ : until_;
    return true;
}

void FileReader::rewind() {
    position_ = 0;
    data_from_ = 0;
    data_until_ = sparse_ ? 0 : until_;
    digest_.reset();
}

}  // namespace pipeline
