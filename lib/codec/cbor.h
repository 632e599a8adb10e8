// CBOR (RFC 8949): a strict bounded reader into a tree of values, and a deterministic writer.
//
// For hostile input: every length is held against the bytes that are there before anything is
// allocated, depth and item count are capped, and exactly one item must fill the input. Beyond
// well-formedness the reader wants valid UTF-8 and map keys that are integers, text or byte
// strings and differ from each other. Floating-point numbers and unassigned simple values are
// refused: no format here has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace codec::cbor {

struct Limits {
    std::size_t maximum_depth = 16;      // of arrays, maps and tags; a lone integer is depth 1
    std::size_t maximum_items = 65'536;  // every value, key and string chunk counts as one
    bool allow_indefinite = true;        // strings, arrays and maps that end with a break
    bool allow_longer = true;            // lengths and integers in more bytes than they need
};

// Where an item, its head included, lies in the parsed input.
struct Range {
    std::size_t offset_bytes = 0;
    std::size_t size_bytes = 0;

    bool operator==(const Range&) const = default;
};

struct Entry;

// One item. Owns its content: the input may be gone. An accessor of another kind than the value
// has answers nullopt or nullptr, so a missing or mistyped field is an expected outcome.
class Value {
  public:
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
        undefined
    };

    Kind kind() const { return kind_; }
    bool is_null() const { return kind_ == Kind::null; }
    Range source() const { return source_; }

    std::optional<std::uint64_t> as_unsigned() const;
    // Either sign, when the number fits.
    std::optional<std::int64_t> as_integer() const;
    std::optional<bool> as_bool() const;
    // The content of a string; the chunks of an indefinite one are joined. Borrows from the value.
    std::optional<std::span<const std::byte>> as_bytes() const;
    std::optional<std::string_view> as_text() const;

    // Members in the order of the input.
    const std::vector<Value>* as_array() const;
    const std::vector<Entry>* as_map() const;
    // The value under a key of a map; nullptr when there is none or this is no map.
    const Value* find(std::string_view text_key) const;
    const Value* find(std::int64_t integer_key) const;

    std::optional<std::uint64_t> tag_number() const;
    // The item that a tag encloses; nullptr when this is no tag.
    const Value* tagged() const;

  private:
    friend class Reader;

    Kind kind_ = Kind::null;
    std::uint64_t number_ = 0;  // the integer, -1 minus the integer, the tag number, or the bool
    Range source_;
    std::string content_;         // bytes, text
    std::vector<Value> members_;  // array; one for a tag
    std::vector<Entry> entries_;  // map
};

struct Entry {
    Value key;
    Value value;
};

// The one item that `input` holds. Errors (data) name the byte offset and the reason.
base::Result<Value> parse(std::span<const std::byte> input, const Limits& limits = {});

// Appends items in their shortest encoding. The caller keeps the promise of array() and map():
// that many items, or pairs, follow; and writes map keys in the order the format asks for.
class Writer {
  public:
    // Borrows `out`, which must outlive the writer.
    explicit Writer(std::vector<std::byte>& out) : out_(out) {}

    Writer& unsigned_integer(std::uint64_t number);
    Writer& integer(std::int64_t number);
    Writer& bytes(std::span<const std::byte> content);
    Writer& text(std::string_view content);
    Writer& array(std::size_t count);
    Writer& map(std::size_t pairs);
    Writer& tag(std::uint64_t number);
    Writer& boolean(bool value);
    Writer& null();
    // One item that is already encoded, as it stands.
    Writer& encoded(std::span<const std::byte> item);

  private:
    template <typename Encode>
    Writer& head(Encode encode);

    std::vector<std::byte>& out_;
};

}  // namespace codec::cbor
