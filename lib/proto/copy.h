// The records of a copy: a file, a folder tree or a stream as bytes one way, and answers the other
// way. Specification: pipeline-copy(5). No I/O here; the engines are in tools/pipeline.
//
// Every record, both directions, integers big-endian:
//
//   offset size field   meaning
//        0    4 length  bytes of the payload, at most kMaximumPayload
//        4    1 kind    Kind
//        5    1 flags   of the kind; an unknown bit is bad
//        6    2 zero    anything else is bad
//        8    n payload fixed fields, then at most one or two fields of bytes
//
// Payloads ("time" is 8 bytes of seconds since 1970, signed, and 4 of nanoseconds):
//
//   kind      flags                 payload
//   begin     resume archive        magic:4 version:2 shape:1 zero:1
//   root                            mode:4 time:12
//   folder                          mode:4 time:12 name:n
//   leave                           -
//   file      asks linked unsized   mode:4 time:12 size:8 name:n
//             plain
//   from                            offset:8
//   data                            content:n, n >= 1
//   hole                            length:8, 1 to kMaximumHole
//   file_end                        size:8 sha256:32
//   link                            time:12 target_length:2 target:t name:n
//   hard_link                       path_length:2 path:p name:n
//   owner                           user:4 group:4
//   xattr                           name_length:1 name:m value:n
//   failed                          errno:4 operation:1 name:n
//   end                             entries:8 bytes:8 failures:8 sha256:32
//   have                            serial:8 size:8 sha256:32
//   skip                            serial:8
//   refused                         serial:8 errno:4 operation:1 path:n
//   stop                            errno:4 operation:1 path:n
//   done                            entries:8 bytes:8 failures:8 sha256:32
//
// Folders are entered and left, and a name is one component: no path is ever taken apart to find
// out where it leads, and the receiver needs one open descriptor per level and nothing else. Names
// within a folder must ascend bytewise, so a name cannot come twice, in whatever guise.
//
// History
//   1  first
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace proto::copy {

inline constexpr std::uint32_t kMagic = 0x45424350;  // "EBCP"
inline constexpr std::uint16_t kVersion = 1;

inline constexpr std::size_t kHeaderBytes = 8;
inline constexpr std::size_t kDigestBytes = 32;
// Content of one data record. What it holds is passed on as it comes and never gathered.
inline constexpr std::size_t kMaximumData = 256 * 1024;
// Everything else is gathered by its reader: the largest is an xattr, which Linux caps at 64 KiB.
inline constexpr std::size_t kMaximumPayload = 66 * 1024;
// One step of zeros, so that a reader who hashes them comes back to its loop in milliseconds.
inline constexpr std::uint64_t kMaximumHole = 16 * 1024 * 1024;
inline constexpr std::size_t kMaximumName = 255;
inline constexpr std::size_t kMaximumPath = 4095;
// Folders in folders. Each level is an open descriptor on both sides.
inline constexpr std::size_t kMaximumDepth = 256;
// Extended attributes of one entry, names and values together, and their number.
inline constexpr std::size_t kMaximumXattrBytes = 256 * 1024;
inline constexpr std::size_t kMaximumXattrs = 128;
// Sizes and offsets are those of off_t.
inline constexpr std::uint64_t kMaximumSize = INT64_MAX;

// Numbers are never used again for another meaning.
enum class Kind : std::uint8_t {
    // From the sender.
    begin = 1,       // first record
    root = 2,        // shape tree: attributes of the top folder, second record
    folder = 3,      // enters a folder
    leave = 4,       // of the folder entered last, or of the root
    file = 5,        // then [from] (data|hole)... (file_end|failed)
    from = 6,        // content begins at this offset: the answer to `have`, or a part
    data = 7,        //
    hole = 8,        // zeros that take no room
    file_end = 9,    // whole size and digest; of a part: the part's length and digest
    link = 10,       // symbolic
    hard_link = 11,  // to a file with the flag `linked`, by its path in this transfer
    owner = 12,      // of the next entry
    xattr = 13,      // of the next entry, repeated
    failed = 14,     // an entry could not be read, or the file under way cannot be finished
    end = 15,        // last record
    // From the receiver.
    have = 64,     // to a file that asks: what a resumed transfer starts with
    skip = 65,     // to a file that asks: it is there, nothing of it is sent
    refused = 66,  // this entry cannot be written; the rest goes on
    stop = 67,     // nothing more can be written
    done = 68,     // everything that was not refused is on the disk; last record
};

enum class Shape : std::uint8_t {
    tree = 1,  // root, entries, leave
    file = 2,  // one file entry, whose name is a suggestion
    part = 3,  // one file entry with the size of the whole, from, content of the part
};

inline constexpr std::uint8_t kResume = 1, kArchive = 2;                         // begin
inline constexpr std::uint8_t kAsks = 1, kLinked = 2, kUnsized = 4, kPlain = 8;  // file

// What was tried when it failed.
enum class Operation : std::uint8_t {
    open = 1,
    read = 2,
    write = 3,
    create = 4,
    rename = 5,
    link = 6,
    make_folder = 7,
    set_mode = 8,
    set_times = 9,
    set_owner = 10,
    set_xattr = 11,
    sync = 12,
    list = 13,
    compare = 14,  // the content is not what its digest says
    follow = 15,   // changed, shrank or grew while it was read
    limit = 16,    // a cap of the receiver
    special = 17,  // a device, a pipe or a socket
    protocol = 18,
};
// "open", "set the mode of": completes "cannot ...".
std::string_view verb(Operation operation);

using DigestBytes = std::array<std::byte, kDigestBytes>;

struct Time {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
    bool operator==(const Time&) const = default;
};

// One struct per kind. Views borrow the input of decode(), or what the caller of encode() holds.
struct Begin {
    std::uint16_t version = kVersion;
    Shape shape = Shape::tree;
    bool resume = false;
    bool archive = false;
};
struct Root {
    std::uint32_t mode = 0;  // permission bits with setuid, setgid and sticky: 07777
    Time time;
};
struct Folder {
    std::uint32_t mode = 0;
    Time time;
    std::string_view name;
};
struct Leave {};
struct File {
    std::uint32_t mode = 0;
    Time time;
    std::uint64_t size = 0;
    std::string_view name;
    bool asks = false;     // waits for have, skip or refused
    bool linked = false;   // hard links to it may follow
    bool unsized = false;  // the size is only known at the end; the field is 0
    bool plain = false;    // mode and time say nothing: a stream
};
struct From {
    std::uint64_t offset = 0;
};
// Only the header is decoded: `length` bytes of content follow it in the stream.
struct Data {
    std::size_t length = 0;
};
struct Hole {
    std::uint64_t length = 0;
};
struct FileEnd {
    std::uint64_t size = 0;
    DigestBytes digest{};
};
struct Link {
    Time time;
    std::string_view target;
    std::string_view name;
};
struct HardLink {
    std::string_view path;  // of names below the root, joined by '/'
    std::string_view name;
};
struct Owner {
    std::uint32_t user = 0;
    std::uint32_t group = 0;
};
struct Xattr {
    std::string_view name;
    std::string_view value;
};
struct Failed {
    std::uint32_t errno_value = 0;
    Operation operation{};
    std::string_view name;  // of the file under way, or of an entry that is not sent at all
};
struct Totals {
    std::uint64_t entries = 0;   // root, folder, file, link and hard_link records
    std::uint64_t bytes = 0;     // of data and holes
    std::uint64_t failures = 0;  // end: failed records; done: these and refused ones
    DigestBytes digest{};        // of the records listed at in_tree_digest()
    bool operator==(const Totals&) const = default;
};
struct End : Totals {};
struct Have {
    std::uint64_t serial = 0;
    std::uint64_t size = 0;
    DigestBytes digest{};
};
struct Skip {
    std::uint64_t serial = 0;
};
struct Refused {
    std::uint64_t serial = 0;  // the entry's number, counted from 0
    std::uint32_t errno_value = 0;
    Operation operation{};
    std::string_view path;
};
struct Stop {
    std::uint32_t errno_value = 0;
    Operation operation{};
    std::string_view path;
};
struct Done : Totals {};

using Record = std::variant<Begin, Root, Folder, Leave, File, From, Data, Hole, FileEnd, Link,
                            HardLink, Owner, Xattr, Failed, End, Have, Skip, Refused, Stop, Done>;

Kind kind_of(const Record& record);
// Whether the record's encoding is part of the digest over the tree: what describes entries is,
// what carries content or its way of travel (begin, from, data, hole, end) is not.
bool in_tree_digest(Kind kind);

// 1 to 255 bytes without '/' and NUL, neither "." nor "..".
bool is_name(std::string_view text);
// Names joined by single '/', at most kMaximumPath bytes and kMaximumDepth + 1 names.
bool is_path(std::string_view text);

// Appends the record to `out`; of Data only the header. The caller keeps to the limits above.
void encode(const Record& record, std::vector<std::byte>& out);
// The header of a data record in place, before content that was read behind it.
void encode_data_header(std::span<std::byte, kHeaderBytes> to, std::size_t length);

struct Decoded {
    enum class Outcome { record, need_more, bad } outcome = Outcome::need_more;
    Record record;
    std::size_t used_bytes = 0;    // of the input, when there is a record; of Data the header
    std::string_view bad_because;  // when bad: the field at fault and why
};

// Decodes the record at the front of `input`. Total: every input gives one of the three outcomes,
// and a length over its limit is bad before its bytes are there.
Decoded decode(std::span<const std::byte> input);

// How many bytes decode() wants to see in all, by the header alone: the header if `input` is
// shorter than that. Never over kHeaderBytes + kMaximumPayload.
std::size_t wanted_bytes(std::span<const std::byte> input);

}  // namespace proto::copy
