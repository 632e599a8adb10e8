// Typed readings of YAML nodes and the key check behind read_mapping().

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "codec/yaml.h"

namespace codec::yaml {

using base::Error;
using base::Result;

namespace {

std::string_view name_of(Kind kind) {
    switch (kind) {
        case Kind::scalar: return "a single value";
        case Kind::sequence: return "a list";
        case Kind::mapping: return "a mapping";
    }
    return "something else";
}

Error wrong_kind(const Value& value, std::string_view expected) {
    return value.fail(fmt::format("expected {}, found {}", expected, name_of(value.kind())));
}

// The text of a scalar that may carry a number or a word; quotes make it a text only.
Result<std::string_view> plain_text(const Value& value, std::string_view expected) {
    if (value.kind() != Kind::scalar) return wrong_kind(value, expected);
    if (!value.node().plain) return value.fail(fmt::format("expected {} without quotes", expected));
    if (value.node().text.empty()) return value.fail(fmt::format("expected {}", expected));
    return std::string_view(value.node().text);
}

}  // namespace

Error Value::fail_at(const Mark& mark, std::string_view message) const {
    return Error(base::ExitCode::config,
                 fmt::format("{}:{}:{}: {}", *file_, mark.line, mark.column, message));
}

Result<std::string> Value::text() const {
    if (node_->kind != Kind::scalar) return wrong_kind(*this, "text");
    if (node_->plain && (node_->text.empty() || node_->text == "~" || node_->text == "null")) {
        return fail("expected text, found nothing");
    }
    if (node_->text.find('\0') != std::string::npos) return fail("text with a NUL byte");
    return node_->text;
}

Result<bool> Value::boolean() const {
    const std::string_view word = TRY(plain_text(*this, "true or false"));
    if (word == "true") return true;
    if (word == "false") return false;
    return fail(fmt::format("expected true or false, found {}", base::quote(word)));
}

Result<std::uint64_t> Value::number(std::uint64_t minimum, std::uint64_t maximum) const {
    const Result<std::uint64_t> number =
        base::parse_number(TRY(plain_text(*this, "a number")), minimum, maximum);
    if (!number.ok()) return fail(number.error().message);
    return number.value();
}

Result<std::chrono::milliseconds> Value::duration() const {
    const Result<std::chrono::milliseconds> duration =
        base::parse_duration(TRY(plain_text(*this, "a duration")));
    if (!duration.ok()) return fail(duration.error().message);
    return duration.value();
}

Result<std::uint64_t> Value::size() const {
    const Result<std::uint64_t> size = base::parse_size(TRY(plain_text(*this, "a size")));
    if (!size.ok()) return fail(size.error().message);
    return size.value();
}

Result<std::size_t> Value::one_of(std::span<const std::string_view> names) const {
    const std::string word = TRY(text());
    const auto found = std::find(names.begin(), names.end(), word);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    const std::string_view nearest = base::nearest_name(word, names);
    const std::string hint =
        nearest.empty() ? "" : fmt::format(", did you mean {}?", base::quote(nearest));
    std::string allowed;
    for (const std::string_view name : names) {
        allowed += allowed.empty() ? "" : ", ";
        allowed += name;
    }
    return fail(fmt::format("{} is not one of {}{}", base::quote(word), allowed, hint));
}

Result<std::vector<Value>> Value::items() const {
    if (node_->kind != Kind::sequence) return wrong_kind(*this, "a list");
    std::vector<Value> values;
    values.reserve(node_->items.size());
    for (const Node& item : node_->items)
        values.emplace_back(*file_, item);
    return values;
}

Result<std::vector<std::string>> Value::texts() const {
    std::vector<std::string> texts;
    for (const Value& item : TRY(items()))
        texts.push_back(TRY(item.text()));
    return texts;
}

Result<std::map<std::string, std::string>> Value::text_map() const {
    if (node_->kind != Kind::mapping) return wrong_kind(*this, "a mapping");
    std::map<std::string, std::string> map;
    for (const Entry& entry : node_->entries) {
        map.emplace(entry.key, TRY(Value(*file_, entry.value).text()));
    }
    return map;
}

namespace detail {

Result<void> check_keys(const Value& mapping, std::span<const std::string_view> known,
                        std::span<const std::string_view> required) {
    if (mapping.kind() != Kind::mapping) return wrong_kind(mapping, "a mapping");
    const std::vector<Entry>& entries = mapping.node().entries;
    for (const Entry& entry : entries) {
        if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
        const std::string_view nearest = base::nearest_name(entry.key, known);
        return mapping.fail_at(
            entry.mark,
            fmt::format(
                "unknown key {}{}", base::quote(entry.key),
                nearest.empty() ? "" : fmt::format(", did you mean {}?", base::quote(nearest))));
    }
    for (const std::string_view key : required) {
        const bool given = std::any_of(entries.begin(), entries.end(),
                                       [&](const Entry& entry) { return entry.key == key; });
        if (!given) return mapping.fail(fmt::format("the key {} is missing", base::quote(key)));
    }
    return {};
}

}  // namespace detail

}  // namespace codec::yaml
