// The reader: libcbor's stateless decoder gives one head at a time, the tree and every limit are
// kept here. Recursion is bounded by Limits::maximum_depth.
#include <cbor.h>

#include <algorithm>
#include <compare>
#include <type_traits>

#include "base/format.h"
#include "base/text.h"
#include "codec/cbor.h"

namespace codec::cbor {

using base::Error;
using base::Result;

namespace {

// An initial byte with its argument and, for a string of known length, its content.
struct Head {
    enum class Kind {
        unsigned_integer,
        negative_integer,
        bytes,
        text,
        array,
        map,
        tag,
        boolean,
        null,
        undefined,
        floating,
        open_bytes,
        open_text,
        open_array,
        open_map,
        stop
    };
    Kind kind = Kind::undefined;
    std::uint64_t number = 0;
    std::span<const std::byte> content;
    std::size_t size_bytes = 0;
};

template <Head::Kind kind>
void on_plain(void* context) {
    static_cast<Head*>(context)->kind = kind;
}

template <Head::Kind kind, typename Number>
void on_number(void* context, Number number) {
    static_cast<Head*>(context)->kind = kind;
    if constexpr (!std::is_floating_point_v<Number>) {
        static_cast<Head*>(context)->number = static_cast<std::uint64_t>(number);
    }
}

template <Head::Kind kind, typename Size>
void on_string(void* context, cbor_data content, Size size) {
    auto* head = static_cast<Head*>(context);
    head->kind = kind;
    head->content = std::as_bytes(std::span(content, size));
}

constexpr cbor_callbacks make_callbacks() {
    using Kind = Head::Kind;
    cbor_callbacks to{};
    to.uint8 = on_number<Kind::unsigned_integer>;
    to.uint16 = on_number<Kind::unsigned_integer>;
    to.uint32 = on_number<Kind::unsigned_integer>;
    to.uint64 = on_number<Kind::unsigned_integer>;
    to.negint8 = on_number<Kind::negative_integer>;
    to.negint16 = on_number<Kind::negative_integer>;
    to.negint32 = on_number<Kind::negative_integer>;
    to.negint64 = on_number<Kind::negative_integer>;
    to.byte_string = on_string<Kind::bytes>;
    to.byte_string_start = on_plain<Kind::open_bytes>;
    to.string = on_string<Kind::text>;
    to.string_start = on_plain<Kind::open_text>;
    to.array_start = on_number<Kind::array>;
    to.indef_array_start = on_plain<Kind::open_array>;
    to.map_start = on_number<Kind::map>;
    to.indef_map_start = on_plain<Kind::open_map>;
    to.tag = on_number<Kind::tag>;
    to.float2 = on_number<Kind::floating>;
    to.float4 = on_number<Kind::floating>;
    to.float8 = on_number<Kind::floating>;
    to.undefined = on_plain<Kind::undefined>;
    to.null = on_plain<Kind::null>;
    to.boolean = on_number<Kind::boolean>;
    to.indef_break = on_plain<Kind::stop>;
    return to;
}
constexpr cbor_callbacks kCallbacks = make_callbacks();

Error bad(std::size_t offset, std::string_view why) {
    return Error::data(fmt::format("bad CBOR at byte {}: {}", offset, why));
}

// RFC 8949 4.1: the argument behind an initial byte takes no more bytes than it needs.
bool is_shortest(unsigned initial, std::uint64_t argument) {
    switch (initial & 0x1FU) {
        case 24: return argument >= 24;
        case 25: return argument > 0xFF;
        case 26: return argument > 0xFFFF;
        case 27: return argument > 0xFFFF'FFFF;
        default: return true;
    }
}

bool may_be_key(Value::Kind kind) {
    return kind == Value::Kind::unsigned_integer || kind == Value::Kind::negative_integer ||
           kind == Value::Kind::bytes || kind == Value::Kind::text;
}

}  // namespace

// One pass over the input; offset_ is the first byte not yet taken.
class Reader {
  public:
    Reader(std::span<const std::byte> input, const Limits& limits)
        : input_(input), limits_(limits) {}

    Result<Value> whole() {
        Value value = TRY(next_item(1));
        if (offset_ != input_.size()) return bad(offset_, "bytes after the item");
        return value;
    }

  private:
    Result<Head> next_head();
    Result<Value> next_item(std::size_t depth);
    Result<Value> item(const Head& head, std::size_t depth);
    Result<std::string> joined_chunks(Head::Kind chunk_kind);
    Result<void> read_array(Value& into, const Head& head, std::size_t depth);
    Result<void> read_map(Value& into, const Head& head, std::size_t depth);
    Result<void> check_keys(const Value& map) const;
    Result<void> check_count(const Head& head, std::size_t bytes_per_member) const;

    std::span<const std::byte> input_;
    const Limits& limits_;
    std::size_t offset_ = 0;
    std::size_t head_offset_ = 0;  // of the latest head
    std::size_t items_ = 0;
};

Result<Head> Reader::next_head() {
    head_offset_ = offset_;
    const std::span<const std::byte> rest = input_.subspan(offset_);
    if (rest.empty()) return bad(offset_, "the input ends where an item is expected");
    if (++items_ > limits_.maximum_items) {
        return bad(offset_, fmt::format("more than {} items", limits_.maximum_items));
    }
    Head head;
    const unsigned initial = std::to_integer<unsigned>(rest[0]);
    if (initial >= 0xC0 && initial <= 0xD7) {
        // libcbor 0.8 takes the tags 6 to 20 for malformed, COSE_Sign1 (18) among them.
        head.kind = Head::Kind::tag;
        head.number = initial - 0xC0;
        head.size_bytes = 1;
    } else {
        const cbor_decoder_result result = cbor_stream_decode(
            reinterpret_cast<cbor_data>(rest.data()), rest.size(), &kCallbacks, &head);
        if (result.status == CBOR_DECODER_NEDATA) return bad(offset_, "the input ends in the item");
        if (result.status != CBOR_DECODER_FINISHED) {
            return bad(offset_, initial >= 0xE0 ? "an unassigned simple value"
                                                : "a reserved length encoding");
        }
        head.size_bytes = result.read;
    }
    const bool string = head.kind == Head::Kind::bytes || head.kind == Head::Kind::text;
    if (!limits_.allow_longer && head.kind != Head::Kind::floating &&
        !is_shortest(initial, string ? head.content.size() : head.number)) {
        return bad(head_offset_, "a length or an integer in more bytes than it needs");
    }
    offset_ += head.size_bytes;
    return head;
}

Result<Value> Reader::next_item(std::size_t depth) {
    const Head head = TRY(next_head());
    return item(head, depth);
}

Result<Value> Reader::item(const Head& head, std::size_t depth) {
    const std::size_t start = head_offset_;
    if (depth > limits_.maximum_depth) {
        return bad(start, fmt::format("nested deeper than {} levels", limits_.maximum_depth));
    }
    const bool open = head.kind >= Head::Kind::open_bytes && head.kind <= Head::Kind::open_map;
    if (open && !limits_.allow_indefinite) return bad(start, "an indefinite length");
    Value value;
    value.number_ = head.number;
    switch (head.kind) {
        case Head::Kind::unsigned_integer: value.kind_ = Value::Kind::unsigned_integer; break;
        case Head::Kind::negative_integer: value.kind_ = Value::Kind::negative_integer; break;
        case Head::Kind::boolean: value.kind_ = Value::Kind::boolean; break;
        case Head::Kind::null: value.kind_ = Value::Kind::null; break;
        case Head::Kind::undefined: value.kind_ = Value::Kind::undefined; break;
        case Head::Kind::bytes:
            value.kind_ = Value::Kind::bytes;
            value.content_ = base::as_text(head.content);
            break;
        case Head::Kind::text:
            value.kind_ = Value::Kind::text;
            value.content_ = base::as_text(head.content);
            if (!base::is_utf8(value.content_)) return bad(start, "text that is not UTF-8");
            break;
        case Head::Kind::open_bytes:
            value.kind_ = Value::Kind::bytes;
            value.content_ = TRY(joined_chunks(Head::Kind::bytes));
            break;
        case Head::Kind::open_text:
            value.kind_ = Value::Kind::text;
            value.content_ = TRY(joined_chunks(Head::Kind::text));
            break;
        case Head::Kind::array:
        case Head::Kind::open_array: TRY(read_array(value, head, depth)); break;
        case Head::Kind::map:
        case Head::Kind::open_map: TRY(read_map(value, head, depth)); break;
        case Head::Kind::tag:
            value.kind_ = Value::Kind::tag;
            value.members_.push_back(TRY(next_item(depth + 1)));
            break;
        case Head::Kind::floating: return bad(start, "a floating-point number");
        case Head::Kind::stop: return bad(start, "a break where an item is expected");
    }
    value.source_ = Range{start, offset_ - start};
    return value;
}

Result<std::string> Reader::joined_chunks(Head::Kind chunk_kind) {
    std::string content;
    while (true) {
        const Head chunk = TRY(next_head());
        if (chunk.kind == Head::Kind::stop) return content;
        if (chunk.kind != chunk_kind) {
            return bad(head_offset_, "a chunk of another kind than its string");
        }
        const std::string_view text = base::as_text(chunk.content);
        if (chunk_kind == Head::Kind::text && !base::is_utf8(text)) {
            return bad(head_offset_, "text that is not UTF-8");
        }
        content += text;
    }
}

// A count that the rest of the input cannot hold is refused before the first member is read.
Result<void> Reader::check_count(const Head& head, std::size_t bytes_per_member) const {
    if (head.number > (input_.size() - offset_) / bytes_per_member) {
        return bad(head_offset_, "more members announced than there are bytes");
    }
    return {};
}

Result<void> Reader::read_array(Value& into, const Head& head, std::size_t depth) {
    into.kind_ = Value::Kind::array;
    if (head.kind == Head::Kind::array) {
        TRY(check_count(head, 1));
        for (std::uint64_t index = 0; index < head.number; ++index) {
            into.members_.push_back(TRY(next_item(depth + 1)));
        }
        return {};
    }
    while (true) {
        const Head member = TRY(next_head());
        if (member.kind == Head::Kind::stop) return {};
        into.members_.push_back(TRY(item(member, depth + 1)));
    }
}

Result<void> Reader::read_map(Value& into, const Head& head, std::size_t depth) {
    into.kind_ = Value::Kind::map;
    const bool open = head.kind == Head::Kind::open_map;
    if (!open) TRY(check_count(head, 2));
    for (std::uint64_t index = 0; open || index < head.number; ++index) {
        const Head key_head = TRY(next_head());
        if (open && key_head.kind == Head::Kind::stop) break;
        Value key = TRY(item(key_head, depth + 1));
        if (!may_be_key(key.kind())) {
            return bad(key.source().offset_bytes, "a map key that is no integer or string");
        }
        Value value = TRY(next_item(depth + 1));
        into.entries_.push_back(Entry{std::move(key), std::move(value)});
    }
    return check_keys(into);
}

// Sorted rather than compared pairwise, so that a large map costs no more than it weighs.
Result<void> Reader::check_keys(const Value& map) const {
    std::vector<const Value*> keys;
    keys.reserve(map.entries_.size());
    for (const Entry& entry : map.entries_)
        keys.push_back(&entry.key);
    const auto order = [](const Value* left, const Value* right) {
        if (left->kind_ != right->kind_) return left->kind_ <=> right->kind_;
        if (left->number_ != right->number_) return left->number_ <=> right->number_;
        return left->content_ <=> right->content_;
    };
    std::stable_sort(keys.begin(), keys.end(),
                     [&](const Value* left, const Value* right) { return order(left, right) < 0; });
    const auto twin = std::adjacent_find(
        keys.begin(), keys.end(),
        [&](const Value* left, const Value* right) { return order(left, right) == 0; });
    if (twin == keys.end()) return {};
    return bad((*std::next(twin))->source().offset_bytes, "a map key for the second time");
}

Result<Value> parse(std::span<const std::byte> input, const Limits& limits) {
    return Reader(input, limits).whole();
}

}  // namespace codec::cbor
