// JSON (RFC 8259): a strict bounded reader into a tree of values, and a writer.
//
// cJSON builds the tree; it is lenient where the RFC is not, so the text is scanned first: UTF-8,
// escapes, numbers and depth are checked, duplicate keys, NUL in strings and numbers that a
// double cannot hold exactly are refused. The writer is ours, because what it writes is hashed
// into images and must not change with a library's version.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace codec::json {

struct Limits {
    std::size_t maximum_bytes = 1 << 20;
    std::size_t maximum_depth = 64;  // of arrays and objects
};

class Value;
struct Member;
using Array = std::vector<Value>;
using Object = std::vector<Member>;  // in the order of the text; keys differ from each other

// One value. An accessor of another kind than the value has answers nullopt or nullptr.
class Value {
  public:
    enum class Kind { null, boolean, integer, real, string, array, object };

    Value() = default;
    Value(std::same_as<bool> auto value) : kind_(Kind::boolean), integer_(value) {}
    Value(std::int64_t value);
    Value(std::string text);
    Value(std::string_view text);
    Value(const char* text);
    Value(Array items);
    Value(Object members);
    static Value real(double value);

    Kind kind() const { return kind_; }
    bool is_null() const { return kind_ == Kind::null; }

    std::optional<bool> as_bool() const;
    std::optional<std::int64_t> as_integer() const;
    std::optional<double> as_real() const;  // an integer, too
    std::optional<std::string_view> as_text() const;
    const Array* as_array() const;
    const Object* as_object() const;
    // The value under a key of an object; nullptr when there is none or this is no object.
    const Value* find(std::string_view key) const;

    // Appends a member to an object (or to a fresh null, which becomes one); the caller sees to
    // it that the key is new. Returns *this.
    Value& set(std::string_view key, Value value);
    // Appends to an array (or to a fresh null).
    Value& append(Value value);

    bool operator==(const Value& other) const;

  private:
    Kind kind_ = Kind::null;
    std::int64_t integer_ = 0;
    double real_ = 0;
    std::string text_;
    std::vector<Value> items_;
    std::vector<Member> members_;
};

struct Member {
    std::string key;
    Value value;

    bool operator==(const Member&) const = default;
};

// Here, where Member is complete.
inline Value::Value(std::int64_t value) : kind_(Kind::integer), integer_(value) {}
inline Value::Value(std::string text) : kind_(Kind::string), text_(std::move(text)) {}
inline Value::Value(std::string_view text) : Value(std::string(text)) {}
inline Value::Value(const char* text) : Value(std::string(text)) {}

// The one value that `text` holds. Errors (data) say "line:column: reason".
base::Result<Value> parse(std::string_view text, const Limits& limits = {});

// `indent` is the number of blanks per level; 0 writes one line without any blank. Bytes of
// strings that are not UTF-8 become U+FFFD. No newline at the end.
std::string write(const Value& value, unsigned indent = 0);

}  // namespace codec::json
