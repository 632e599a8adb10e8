// Members of newc archives, to bytes and back.
#include "newc.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/text.h"

namespace eif {

namespace {

constexpr std::size_t kMagicBytes = 6;
constexpr std::size_t kFieldBytes = 8;
constexpr std::string_view kFieldNames[] = {
    "ino",      "mode",     "uid",       "gid",       "nlink",    "mtime", "filesize",
    "devmajor", "devminor", "rdevmajor", "rdevminor", "namesize", "check"};
constexpr std::size_t kNameSizeField = 11;

// Reads small neighbouring pieces through one buffer.
class Window {
  public:
    Window(std::uint64_t size, const ReadAt& read_at) : size_(size), read_at_(read_at) {}

    // `count` bytes at `offset`, valid until the next call. Asking beyond the end is an Error.
    base::Result<std::span<const std::byte>> get(std::uint64_t offset, std::size_t count) {
        if (offset > size_ || size_ - offset < count) {
            return base::Error::data(fmt::format("archive is cut off at {}", size_));
        }
        if (offset < start_ || offset + count > start_ + filled_) {
            filled_ = static_cast<std::size_t>(
                std::min<std::uint64_t>(std::max(count, kWindowBytes), size_ - offset));
            buffer_.resize(std::max(buffer_.size(), filled_));
            start_ = offset;
            TRY(read_at_(offset, std::span(buffer_).first(filled_)));
        }
        return std::span<const std::byte>(buffer_).subspan(
            static_cast<std::size_t>(offset - start_), count);
    }

  private:
    static constexpr std::size_t kWindowBytes = 16 * 1024;
    std::uint64_t size_;
    const ReadAt& read_at_;
    std::vector<std::byte> buffer_;
    std::uint64_t start_ = 0;
    std::size_t filled_ = 0;
};

int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

base::Result<std::array<std::uint32_t, 13>> parse_fields(std::string_view header,
                                                         std::uint64_t offset) {
    std::array<std::uint32_t, 13> values{};
    for (std::size_t field = 0; field < values.size(); ++field) {
        const std::size_t at = kMagicBytes + field * kFieldBytes;
        for (const char digit : header.substr(at, kFieldBytes)) {
            const int value = hex_value(digit);
            if (value < 0) {
                return base::Error::data(fmt::format("archive field {} at {} is not hexadecimal",
                                                     kFieldNames[field], offset + at));
            }
            values[field] = values[field] << 4 | static_cast<std::uint32_t>(value);
        }
    }
    return values;
}

// The member whose header is at `offset`.
base::Result<NewcMember> parse_member(std::uint64_t offset, Window& window) {
    const std::span<const std::byte> header = TRY(window.get(offset, kNewcHeaderBytes));
    if (!is_newc(header)) {
        return base::Error::data(fmt::format("no archive member where one is due, at {}", offset));
    }
    const auto values = TRY(parse_fields(base::as_text(header), offset));
    const std::uint32_t name_size = values[kNameSizeField];
    if (name_size < 1 || name_size > kMaximumNameBytes + 1) {
        return base::Error::data(fmt::format("archive field namesize at {} is {}",
                                             offset + kMagicBytes + kNameSizeField * kFieldBytes,
                                             name_size));
    }
    const std::uint64_t name_offset = offset + kNewcHeaderBytes;
    const std::string_view name = base::as_text(TRY(window.get(name_offset, name_size)));
    if (name.find('\0') != name.size() - 1) {
        return base::Error::data(
            fmt::format("archive name at {} does not end where its size says", name_offset));
    }
    const std::uint64_t name_end = name_offset + name_size;
    return NewcMember{
        .name = std::string(name.substr(0, name.size() - 1)),
        .fields = {.inode = values[0],
                   .mode = values[1],
                   .uid = values[2],
                   .gid = values[3],
                   .link_count = values[4],
                   .mtime = values[5],
                   .size = values[6],
                   .device_major = values[7],
                   .device_minor = values[8],
                   .node_major = values[9],
                   .node_minor = values[10]},
        .header_offset = offset,
        .content_offset = name_end + padding_of(name_end - offset),
    };
}

}  // namespace

std::size_t padding_of(std::uint64_t size) {
    return static_cast<std::size_t>((4 - size % 4) % 4);
}

std::string encode_member(const NewcFields& fields, std::string_view name) {
    std::string bytes = fmt::format(
        "070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}",
        fields.inode, fields.mode, fields.uid, fields.gid, fields.link_count, fields.mtime,
        fields.size, fields.device_major, fields.device_minor, fields.node_major, fields.node_minor,
        name.size() + 1, 0);
    bytes += name;
    bytes.append(1 + padding_of(bytes.size() + 1), '\0');
    return bytes;
}

bool is_newc(std::span<const std::byte> bytes) {
    const std::string_view text = base::as_text(bytes);
    return text.starts_with("070701") || text.starts_with("070702");
}

base::Result<NewcArchive> parse_newc(std::uint64_t offset, std::uint64_t size,
                                     const ReadAt& read_at) {
    NewcArchive archive;
    Window window(size, read_at);
    while (true) {
        NewcMember member = TRY(parse_member(offset, window));
        const std::uint64_t end = member.content_offset + member.fields.size;
        if (end > size) {
            return base::Error::data(fmt::format("content of {} at {} is cut off",
                                                 base::quote(member.name), member.content_offset));
        }
        // The last member's padding may be missing.
        offset = std::min(end + padding_of(member.fields.size), size);
        if (member.name == kTrailer) {
            archive.end_offset = offset;
            return archive;
        }
        if (archive.members.size() == kMaximumMembers) {
            return base::Error::data(fmt::format("more than {} members", kMaximumMembers));
        }
        archive.members.push_back(std::move(member));
    }
}

}  // namespace eif
