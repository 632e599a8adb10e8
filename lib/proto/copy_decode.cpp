// Decoding of copy records.
#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "base/text.h"
#include "proto/copy.h"

namespace proto::copy {

namespace {

constexpr std::size_t kTimeBytes = 12;
constexpr std::size_t kTotalsBytes = 3 * 8 + kDigestBytes;

// What a kind allows: flags, and the least and the greatest payload.
struct Rule {
    unsigned flags = 0;
    std::size_t least = 0;
    std::size_t most = 0;
};

std::optional<Rule> rule(Kind kind) {
    switch (kind) {
        case Kind::begin: return Rule{kResume | kArchive, 8, 8};
        case Kind::root: return Rule{0, 4 + kTimeBytes, 4 + kTimeBytes};
        case Kind::folder: return Rule{0, 4 + kTimeBytes + 1, 4 + kTimeBytes + kMaximumName};
        case Kind::leave: return Rule{0, 0, 0};
        case Kind::file:
            return Rule{kAsks | kLinked | kUnsized | kPlain, 12 + kTimeBytes + 1,
                        12 + kTimeBytes + kMaximumName};
        case Kind::from: return Rule{0, 8, 8};
        case Kind::data: return Rule{0, 1, kMaximumData};
        case Kind::hole: return Rule{0, 8, 8};
        case Kind::file_end: return Rule{0, 8 + kDigestBytes, 8 + kDigestBytes};
        case Kind::link:
            return Rule{0, kTimeBytes + 2 + 1 + 1, kTimeBytes + 2 + kMaximumPath + kMaximumName};
        case Kind::hard_link: return Rule{0, 2 + 1 + 1, 2 + kMaximumPath + kMaximumName};
        case Kind::owner: return Rule{0, 8, 8};
        case Kind::xattr: return Rule{0, 1 + 1, 1 + kMaximumName + 64 * 1024};
        case Kind::failed: return Rule{0, 5, 5 + kMaximumName};
        case Kind::end: return Rule{0, kTotalsBytes, kTotalsBytes};
        case Kind::have: return Rule{0, 16 + kDigestBytes, 16 + kDigestBytes};
        case Kind::skip: return Rule{0, 8, 8};
        case Kind::refused: return Rule{0, 8 + 5, 8 + 5 + kMaximumPath};
        case Kind::stop: return Rule{0, 5, 5 + kMaximumPath};
        case Kind::done: return Rule{0, kTotalsBytes, kTotalsBytes};
    }
    return std::nullopt;
}

// Takes fields off the front of a payload whose least length was checked.
class Reader {
  public:
    explicit Reader(std::span<const std::byte> payload) : rest_(payload) {}

    template <std::unsigned_integral T>
    T number() {
        const T value = base::load_be<T>(rest_);
        rest_ = rest_.subspan(sizeof(T));
        return value;
    }
    Time time() {
        const auto seconds = static_cast<std::int64_t>(number<std::uint64_t>());
        return {seconds, number<std::uint32_t>()};
    }
    DigestBytes digest() {
        DigestBytes bytes;
        std::ranges::copy(rest_.first(kDigestBytes), bytes.begin());
        rest_ = rest_.subspan(kDigestBytes);
        return bytes;
    }
    Totals totals() {
        Totals totals;
        totals.entries = number<std::uint64_t>();
        totals.bytes = number<std::uint64_t>();
        totals.failures = number<std::uint64_t>();
        totals.digest = digest();
        return totals;
    }
    // Nothing when the payload is shorter.
    std::optional<std::string_view> text(std::size_t length) {
        if (rest_.size() < length) return std::nullopt;
        const std::string_view value = base::as_text(rest_.first(length));
        rest_ = rest_.subspan(length);
        return value;
    }
    std::string_view rest() { return base::as_text(std::exchange(rest_, {})); }

  private:
    std::span<const std::byte> rest_;
};

using Text = std::string_view;  // why it is bad; empty when it is good

bool is_time(const Time& time) {
    return time.nanoseconds < 1'000'000'000;
}

bool is_operation(Operation operation) {
    return operation >= Operation::open && operation <= Operation::protocol;
}

bool is_errno(std::uint32_t value) {
    return value < 4096;
}

Text check_mode(std::uint32_t mode, const Time& time) {
    if ((mode & ~07777u) != 0) return "mode: not permission bits";
    if (!is_time(time)) return "time: a second of nanoseconds or more";
    return {};
}

Text read_begin(Reader& reader, unsigned flags, Record& record) {
    if (reader.number<std::uint32_t>() != kMagic) return "magic: not a copy";
    Begin begin;
    begin.version = reader.number<std::uint16_t>();
    begin.shape = static_cast<Shape>(reader.number<std::uint8_t>());
    begin.resume = (flags & kResume) != 0;
    begin.archive = (flags & kArchive) != 0;
    const auto zero = reader.number<std::uint8_t>();
    record = begin;
    // Of another version only the magic and the version mean anything here.
    if (begin.version != kVersion) return {};
    if (begin.shape < Shape::tree || begin.shape > Shape::part) return "shape: unknown";
    return zero == 0 ? Text() : Text("begin: last byte is not zero");
}

Text read_folder(Reader& reader, bool root, Record& record) {
    Folder folder;
    folder.mode = reader.number<std::uint32_t>();
    folder.time = reader.time();
    folder.name = reader.rest();
    if (root) {
        record = Root{folder.mode, folder.time};
    } else {
        if (!is_name(folder.name)) return "name: not a name";
        record = folder;
    }
    return check_mode(folder.mode, folder.time);
}

Text read_file(Reader& reader, unsigned flags, Record& record) {
    File file;
    file.mode = reader.number<std::uint32_t>();
    file.time = reader.time();
    file.size = reader.number<std::uint64_t>();
    file.name = reader.rest();
    file.asks = (flags & kAsks) != 0;
    file.linked = (flags & kLinked) != 0;
    file.unsized = (flags & kUnsized) != 0;
    file.plain = (flags & kPlain) != 0;
    record = file;
    if (file.size > kMaximumSize) return "size: over the limit";
    if (file.unsized && (file.size != 0 || file.asks)) return "size: of an unsized file";
    if (!is_name(file.name)) return "name: not a name";
    return check_mode(file.mode, file.time);
}

Text read_link(Reader& reader, Record& record) {
    Link link;
    link.time = reader.time();
    const auto target = reader.text(reader.number<std::uint16_t>());
    if (!target.has_value()) return "target: longer than the payload";
    link.target = *target;
    link.name = reader.rest();
    record = link;
    if (link.target.empty() || link.target.size() > kMaximumPath) return "target: its length";
    if (link.target.find('\0') != Text::npos) return "target: holds a zero";
    if (!is_time(link.time)) return "time: a second of nanoseconds or more";
    return is_name(link.name) ? Text() : Text("name: not a name");
}

Text read_hard_link(Reader& reader, Record& record) {
    HardLink link;
    const auto path = reader.text(reader.number<std::uint16_t>());
    if (!path.has_value()) return "path: longer than the payload";
    link.path = *path;
    link.name = reader.rest();
    record = link;
    if (!is_path(link.path)) return "path: not names joined by slashes";
    return is_name(link.name) ? Text() : Text("name: not a name");
}

Text read_xattr(Reader& reader, Record& record) {
    const auto name = reader.text(reader.number<std::uint8_t>());
    if (!name.has_value()) return "name: longer than the payload";
    const Xattr xattr{*name, reader.rest()};
    record = xattr;
    if (xattr.name.empty() || xattr.name.find('\0') != Text::npos) return "name: not a name";
    return xattr.value.size() <= 64 * 1024 ? Text() : Text("value: over the limit");
}

Text read_failed(Reader& reader, Record& record) {
    Failed failed;
    failed.errno_value = reader.number<std::uint32_t>();
    failed.operation = static_cast<Operation>(reader.number<std::uint8_t>());
    failed.name = reader.rest();
    record = failed;
    if (!is_errno(failed.errno_value)) return "errno: no such number";
    if (!is_operation(failed.operation)) return "operation: unknown";
    return failed.name.empty() || is_name(failed.name) ? Text() : Text("name: not a name");
}

// Refused and Stop.
template <typename T>
Text read_trouble(Reader& reader, T trouble, Record& record) {
    trouble.errno_value = reader.number<std::uint32_t>();
    trouble.operation = static_cast<Operation>(reader.number<std::uint8_t>());
    trouble.path = reader.rest();
    record = trouble;
    if (!is_errno(trouble.errno_value)) return "errno: no such number";
    if (!is_operation(trouble.operation)) return "operation: unknown";
    return trouble.path.find('\0') == Text::npos ? Text() : Text("path: holds a zero");
}

Text read_size_and_digest(Reader& reader, Kind kind, Record& record) {
    const std::uint64_t serial = kind == Kind::have ? reader.number<std::uint64_t>() : 0;
    const auto size = reader.number<std::uint64_t>();
    if (kind == Kind::have) {
        record = Have{serial, size, reader.digest()};
    } else {
        record = FileEnd{size, reader.digest()};
    }
    return size <= kMaximumSize ? Text() : Text("size: over the limit");
}

Text read_payload(Kind kind, unsigned flags, std::span<const std::byte> payload, Record& record) {
    Reader reader(payload);
    switch (kind) {
        case Kind::begin: return read_begin(reader, flags, record);
        case Kind::root: return read_folder(reader, true, record);
        case Kind::folder: return read_folder(reader, false, record);
        case Kind::leave: record = Leave{}; return {};
        case Kind::file: return read_file(reader, flags, record);
        case Kind::from:
            record = From{reader.number<std::uint64_t>()};
            return std::get<From>(record).offset <= kMaximumSize ? Text()
                                                                 : Text("offset: over the limit");
        case Kind::data: return {};
        case Kind::hole: {
            const auto length = reader.number<std::uint64_t>();
            record = Hole{length};
            return length >= 1 && length <= kMaximumHole ? Text() : Text("hole: its length");
        }
        case Kind::file_end:
        case Kind::have: return read_size_and_digest(reader, kind, record);
        case Kind::link: return read_link(reader, record);
        case Kind::hard_link: return read_hard_link(reader, record);
        case Kind::owner: {
            const auto user = reader.number<std::uint32_t>();
            record = Owner{user, reader.number<std::uint32_t>()};
            return {};
        }
        case Kind::xattr: return read_xattr(reader, record);
        case Kind::failed: return read_failed(reader, record);
        case Kind::end: record = End{reader.totals()}; return {};
        case Kind::skip: record = Skip{reader.number<std::uint64_t>()}; return {};
        case Kind::refused: {
            const auto serial = reader.number<std::uint64_t>();
            return read_trouble(reader, Refused{serial, 0, {}, {}}, record);
        }
        case Kind::stop: return read_trouble(reader, Stop{}, record);
        case Kind::done: record = Done{reader.totals()}; return {};
    }
    return "kind: unknown";
}

// Why a header is bad, or nothing.
Text check_header(std::span<const std::byte> header) {
    const std::size_t length = base::load_be<std::uint32_t>(header);
    const auto allowed = rule(static_cast<Kind>(header[4]));
    if (!allowed.has_value()) return "kind: unknown";
    if ((std::to_integer<unsigned>(header[5]) & ~allowed->flags) != 0) return "flags: unknown bit";
    if (header[6] != std::byte{0} || header[7] != std::byte{0}) {
        return "header: bytes 6 and 7 are not zero";
    }
    if (length < allowed->least) return "length: too short for the kind";
    return length <= allowed->most ? Text() : Text("length: over the limit of the kind");
}

}  // namespace

std::size_t wanted_bytes(std::span<const std::byte> input) {
    if (input.size() < kHeaderBytes) return kHeaderBytes;
    if (!check_header(input).empty() || static_cast<Kind>(input[4]) == Kind::data) {
        return kHeaderBytes;
    }
    return kHeaderBytes + base::load_be<std::uint32_t>(input);
}

Decoded decode(std::span<const std::byte> input) {
    Decoded decoded;
    if (input.size() < kHeaderBytes) return decoded;
    const std::size_t length = base::load_be<std::uint32_t>(input);
    const Kind kind = static_cast<Kind>(input[4]);
    Text bad = check_header(input);
    if (bad.empty() && kind == Kind::data) {
        decoded.record = Data{length};
        decoded.used_bytes = kHeaderBytes;
    } else if (bad.empty()) {
        if (input.size() < kHeaderBytes + length) return decoded;
        bad = read_payload(kind, std::to_integer<unsigned>(input[5]),
                           input.subspan(kHeaderBytes, length), decoded.record);
        decoded.used_bytes = kHeaderBytes + length;
    }
    decoded.outcome = bad.empty() ? Decoded::Outcome::record : Decoded::Outcome::bad;
    decoded.bad_because = bad;
    return decoded;
}

}  // namespace proto::copy
