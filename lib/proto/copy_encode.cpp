// Encoding of copy records, and what both directions share: names, kinds, words.
#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "proto/copy.h"

namespace proto::copy {

namespace {

class Writer {
  public:
    Writer(std::vector<std::byte>& out, Kind kind, unsigned flags = 0)
        : out_(out), start_(out.size()) {
        number<std::uint32_t>(0);
        number(static_cast<std::uint8_t>(kind));
        number(static_cast<std::uint8_t>(flags));
        number<std::uint16_t>(0);
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() {
        base::store_be(std::span(out_).subspan(start_),
                       static_cast<std::uint32_t>(out_.size() - start_ - kHeaderBytes));
    }

    template <std::unsigned_integral T>
    void number(T value) {
        std::array<std::byte, sizeof(T)> bytes;
        base::store_be(std::span<std::byte>(bytes), value);
        raw(bytes);
    }
    void raw(std::span<const std::byte> bytes) {
        out_.insert(out_.end(), bytes.begin(), bytes.end());
    }
    void text(std::string_view value) { raw(base::as_bytes(value)); }
    void time(const Time& value) {
        number(static_cast<std::uint64_t>(value.seconds));
        number(value.nanoseconds);
    }
    void totals(const Totals& value) {
        number(value.entries);
        number(value.bytes);
        number(value.failures);
        raw(value.digest);
    }
    void trouble(std::uint32_t errno_value, Operation operation, std::string_view path) {
        number(errno_value);
        number(static_cast<std::uint8_t>(operation));
        text(path);
    }

  private:
    std::vector<std::byte>& out_;
    std::size_t start_;
};

struct Encoder {
    std::vector<std::byte>& out;

    void operator()(const Begin& record) const {
        Writer writer(out, Kind::begin,
                      (record.resume ? kResume : 0u) | (record.archive ? kArchive : 0u));
        writer.number(kMagic);
        writer.number(record.version);
        writer.number(static_cast<std::uint8_t>(record.shape));
        writer.number(std::uint8_t{0});
    }
    void operator()(const Root& record) const {
        Writer writer(out, Kind::root);
        writer.number(record.mode);
        writer.time(record.time);
    }
    void operator()(const Folder& record) const {
        Writer writer(out, Kind::folder);
        writer.number(record.mode);
        writer.time(record.time);
        writer.text(record.name);
    }
    void operator()(const Leave&) const { Writer(out, Kind::leave); }
    void operator()(const File& record) const {
        Writer writer(out, Kind::file,
                      (record.asks ? kAsks : 0u) | (record.linked ? kLinked : 0u) |
                          (record.unsized ? kUnsized : 0u) | (record.plain ? kPlain : 0u));
        writer.number(record.mode);
        writer.time(record.time);
        writer.number(record.size);
        writer.text(record.name);
    }
    void operator()(const From& record) const { Writer(out, Kind::from).number(record.offset); }
    void operator()(const Data& record) const {
        std::array<std::byte, kHeaderBytes> header;
        encode_data_header(header, record.length);
        out.insert(out.end(), header.begin(), header.end());
    }
    void operator()(const Hole& record) const { Writer(out, Kind::hole).number(record.length); }
    void operator()(const FileEnd& record) const {
        Writer writer(out, Kind::file_end);
        writer.number(record.size);
        writer.raw(record.digest);
    }
    void operator()(const Link& record) const {
        Writer writer(out, Kind::link);
        writer.time(record.time);
        writer.number(static_cast<std::uint16_t>(record.target.size()));
        writer.text(record.target);
        writer.text(record.name);
    }
    void operator()(const HardLink& record) const {
        Writer writer(out, Kind::hard_link);
        writer.number(static_cast<std::uint16_t>(record.path.size()));
        writer.text(record.path);
        writer.text(record.name);
    }
    void operator()(const Owner& record) const {
        Writer writer(out, Kind::owner);
        writer.number(record.user);
        writer.number(record.group);
    }
    void operator()(const Xattr& record) const {
        Writer writer(out, Kind::xattr);
        writer.number(static_cast<std::uint8_t>(record.name.size()));
        writer.text(record.name);
        writer.text(record.value);
    }
    void operator()(const Failed& record) const {
        Writer(out, Kind::failed).trouble(record.errno_value, record.operation, record.name);
    }
    void operator()(const End& record) const { Writer(out, Kind::end).totals(record); }
    void operator()(const Have& record) const {
        Writer writer(out, Kind::have);
        writer.number(record.serial);
        writer.number(record.size);
        writer.raw(record.digest);
    }
    void operator()(const Skip& record) const { Writer(out, Kind::skip).number(record.serial); }
    void operator()(const Refused& record) const {
        Writer writer(out, Kind::refused);
        writer.number(record.serial);
        writer.trouble(record.errno_value, record.operation, record.path);
    }
    void operator()(const Stop& record) const {
        Writer(out, Kind::stop).trouble(record.errno_value, record.operation, record.path);
    }
    void operator()(const Done& record) const { Writer(out, Kind::done).totals(record); }
};

}  // namespace

std::string_view verb(Operation operation) {
    switch (operation) {
        case Operation::open: return "open";
        case Operation::read: return "read";
        case Operation::write: return "write";
        case Operation::create: return "create";
        case Operation::rename: return "rename";
        case Operation::link: return "link";
        case Operation::make_folder: return "make folder";
        case Operation::set_mode: return "set the mode of";
        case Operation::set_times: return "set the times of";
        case Operation::set_owner: return "set the owner of";
        case Operation::set_xattr: return "set an attribute of";
        case Operation::sync: return "sync";
        case Operation::list: return "list";
        case Operation::compare: return "verify";
        case Operation::follow: return "follow the changes of";
        case Operation::limit: return "take more than the limit with";
        case Operation::special: return "copy the special file";
        case Operation::protocol: return "understand the peer at";
    }
    return "copy";
}

Kind kind_of(const Record& record) {
    // In the order of the variant.
    static constexpr std::array<Kind, std::variant_size_v<Record>> kKinds = {
        Kind::begin,     Kind::root,  Kind::folder,  Kind::leave,    Kind::file,
        Kind::from,      Kind::data,  Kind::hole,    Kind::file_end, Kind::link,
        Kind::hard_link, Kind::owner, Kind::xattr,   Kind::failed,   Kind::end,
        Kind::have,      Kind::skip,  Kind::refused, Kind::stop,     Kind::done};
    return kKinds[record.index()];
}

bool in_tree_digest(Kind kind) {
    switch (kind) {
        case Kind::root:
        case Kind::folder:
        case Kind::leave:
        case Kind::file:
        case Kind::file_end:
        case Kind::link:
        case Kind::hard_link:
        case Kind::owner:
        case Kind::xattr:
        case Kind::failed: return true;
        default: return false;
    }
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= kMaximumName && text != "." && text != ".." &&
           text.find('/') == std::string_view::npos && text.find('\0') == std::string_view::npos;
}

bool is_path(std::string_view text) {
    if (text.size() > kMaximumPath) return false;
    std::size_t names = 0;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t slash = std::min(text.find('/', at), text.size());
        if (!is_name(text.substr(at, slash - at)) || ++names > kMaximumDepth + 1) return false;
        at = slash + 1;
    }
    return true;
}

void encode_data_header(std::span<std::byte, kHeaderBytes> to, std::size_t length) {
    std::ranges::fill(to, std::byte{0});
    base::store_be(std::span<std::byte>(to), static_cast<std::uint32_t>(length));
    to[4] = static_cast<std::byte>(Kind::data);
}

void encode(const Record& record, std::vector<std::byte>& out) {
    std::visit(Encoder{out}, record);
}

}  // namespace proto::copy
