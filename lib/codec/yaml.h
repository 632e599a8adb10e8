// Strict YAML for configuration: one document as a tree whose nodes know their line and column,
// and a small declarative reader that turns a mapping into a struct.
//
// It is a subset on purpose: no anchors, aliases, tags, directives or merge keys, keys are plain
// text and appear once, and depth, nodes and bytes are capped before anything is built. It does
// not write YAML and opens no file. Language: YAML 1.1 as libyaml reads it. Every Error reads
// "FILE:LINE:COLUMN: message" and has the code config.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace codec::yaml {

// Both count from 1; the column counts characters.
struct Mark {
    std::size_t line = 1;
    std::size_t column = 1;
};

enum class Kind { scalar, sequence, mapping };

struct Entry;

struct Node {
    Kind kind = Kind::scalar;
    Mark mark;
    bool plain = false;          // a scalar without quotes: may be read as number, bool or null
    std::string text;            // of a scalar
    std::vector<Node> items;     // of a sequence
    std::vector<Entry> entries;  // of a mapping, in the order of the file
};

struct Entry {
    std::string key;
    Mark mark;  // of the key
    Node value;
};

struct Limits {
    std::size_t bytes = 256 * 1024;
    std::size_t nodes = 16 * 1024;
    std::size_t depth = 16;
};

struct Document {
    std::string file;  // the name that Errors carry
    Node root;
};

// Text that holds no document (empty, or comments only) gives an empty mapping.
base::Result<Document> parse(std::string_view text, std::string file, const Limits& limits = {});

// A node together with the file it came from. Borrows from its Document.
class Value {
  public:
    explicit Value(const Document& document) : file_(&document.file), node_(&document.root) {}
    Value(const std::string& file, const Node& node) : file_(&file), node_(&node) {}

    Kind kind() const { return node_->kind; }
    const Node& node() const { return *node_; }
    const std::string& file() const { return *file_; }

    // An Error that names this node's place.
    base::Error fail(std::string_view message) const { return fail_at(node_->mark, message); }
    base::Error fail_at(const Mark& mark, std::string_view message) const;

    // Typed readings; a node of another shape or a value out of range is an Error.
    base::Result<std::string> text() const;  // any scalar but an empty plain one or a NUL in it
    base::Result<bool> boolean() const;      // plain true or false
    base::Result<std::uint64_t> number(std::uint64_t minimum, std::uint64_t maximum) const;
    base::Result<std::chrono::milliseconds> duration() const;  // base::parse_duration
    base::Result<std::uint64_t> size() const;                  // base::parse_size, in bytes
    // The index of the scalar in `names`; another text is an Error with the nearest name.
    base::Result<std::size_t> one_of(std::span<const std::string_view> names) const;
    base::Result<std::vector<Value>> items() const;
    base::Result<std::vector<std::string>> texts() const;  // a sequence of scalars
    base::Result<std::map<std::string, std::string>> text_map() const;

  private:
    const std::string* file_;
    const Node* node_;
};

// One key of a mapping that is read into a T.
template <typename T>
struct Field {
    std::string_view key;
    base::Result<void> (*read)(const Value& value, T& into);
    bool required = false;
};

namespace detail {
// Checks shape, unknown keys (with the nearest known one) and missing required keys.
base::Result<void> check_keys(const Value& mapping, std::span<const std::string_view> known,
                              std::span<const std::string_view> required);
}  // namespace detail

// Reads a mapping whose keys are exactly those of `fields`, in the order of the file.
template <typename T, std::size_t N>
base::Result<void> read_mapping(const Value& mapping, const Field<T> (&fields)[N], T& into) {
    std::vector<std::string_view> known;
    std::vector<std::string_view> required;
    for (const Field<T>& field : fields) {
        known.push_back(field.key);
        if (field.required) required.push_back(field.key);
    }
    TRY(detail::check_keys(mapping, known, required));
    for (const Entry& entry : mapping.node().entries) {
        for (const Field<T>& field : fields) {
            if (field.key == entry.key) TRY(field.read(Value(mapping.file(), entry.value), into));
        }
    }
    return {};
}

}  // namespace codec::yaml

// The reading function of a Field: stores what `expression`, in which `v` is the Value, gives into
// a member. YAML_READ(Settings, port, TRY(v.number(1, 65535)))
#define YAML_READ(type, member, expression)                               \
    [](const ::codec::yaml::Value& v, type& to) -> ::base::Result<void> { \
        to.member = static_cast<decltype(to.member)>(expression);         \
        return {};                                                        \
    }
