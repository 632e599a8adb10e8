// The tree of JSON values.
#include <algorithm>

#include "codec/json.h"

namespace codec::json {

Value::Value(Array items) : kind_(Kind::array), items_(std::move(items)) {}

Value::Value(Object members) : kind_(Kind::object), members_(std::move(members)) {}

Value Value::real(double value) {
    Value result;
    result.kind_ = Kind::real;
    result.real_ = value;
    return result;
}

std::optional<bool> Value::as_bool() const {
    if (kind_ != Kind::boolean) return std::nullopt;
    return integer_ != 0;
}

std::optional<std::int64_t> Value::as_integer() const {
    if (kind_ != Kind::integer) return std::nullopt;
    return integer_;
}

std::optional<double> Value::as_real() const {
    if (kind_ == Kind::integer) return static_cast<double>(integer_);
    if (kind_ != Kind::real) return std::nullopt;
    return real_;
}

std::optional<std::string_view> Value::as_text() const {
    if (kind_ != Kind::string) return std::nullopt;
    return text_;
}

const Array* Value::as_array() const {
    return kind_ == Kind::array ? &items_ : nullptr;
}

const Object* Value::as_object() const {
    return kind_ == Kind::object ? &members_ : nullptr;
}

const Value* Value::find(std::string_view key) const {
    const auto found = std::find_if(members_.begin(), members_.end(),
                                    [&](const Member& member) { return member.key == key; });
    return found == members_.end() ? nullptr : &found->value;
}

Value& Value::set(std::string_view key, Value value) {
    kind_ = Kind::object;
    members_.push_back({std::string(key), std::move(value)});
    return *this;
}

Value& Value::append(Value value) {
    kind_ = Kind::array;
    items_.push_back(std::move(value));
    return *this;
}

bool Value::operator==(const Value& other) const {
    return kind_ == other.kind_ && integer_ == other.integer_ && real_ == other.real_ &&
           text_ == other.text_ && items_ == other.items_ && members_ == other.members_;
}

}  // namespace codec::json
