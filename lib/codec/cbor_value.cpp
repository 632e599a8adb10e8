// What a parsed item answers when asked for its kind.
#include <limits>

#include "base/text.h"
#include "codec/cbor.h"

namespace codec::cbor {

std::optional<std::uint64_t> Value::as_unsigned() const {
    if (kind_ != Kind::unsigned_integer) return std::nullopt;
    return number_;
}

std::optional<std::int64_t> Value::as_integer() const {
    const bool fits =
        number_ <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (kind_ == Kind::unsigned_integer && fits) return static_cast<std::int64_t>(number_);
    if (kind_ == Kind::negative_integer && fits) return -1 - static_cast<std::int64_t>(number_);
    return std::nullopt;
}

std::optional<bool> Value::as_bool() const {
    if (kind_ != Kind::boolean) return std::nullopt;
    return number_ != 0;
}

std::optional<std::span<const std::byte>> Value::as_bytes() const {
    if (kind_ != Kind::bytes) return std::nullopt;
    return base::as_bytes(content_);
}

std::optional<std::string_view> Value::as_text() const {
    if (kind_ != Kind::text) return std::nullopt;
    return content_;
}

const std::vector<Value>* Value::as_array() const {
    return kind_ == Kind::array ? &members_ : nullptr;
}

const std::vector<Entry>* Value::as_map() const {
    return kind_ == Kind::map ? &entries_ : nullptr;
}

const Value* Value::find(std::string_view text_key) const {
    for (const Entry& entry : entries_) {
        if (entry.key.as_text() == text_key) return &entry.value;
    }
    return nullptr;
}

const Value* Value::find(std::int64_t integer_key) const {
    for (const Entry& entry : entries_) {
        if (entry.key.as_integer() == integer_key) return &entry.value;
    }
    return nullptr;
}

std::optional<std::uint64_t> Value::tag_number() const {
    if (kind_ != Kind::tag) return std::nullopt;
    return number_;
}

const Value* Value::tagged() const {
    return kind_ == Kind::tag ? &members_.front() : nullptr;
}

}  // namespace codec::cbor
