// The reader: cJSON's tree, turned into ours.
#include <cjson/cJSON.h>

#include <cmath>
#include <memory>
#include <set>

#include "base/format.h"
#include "base/text.h"
#include "codec/json.h"
#include "codec/json_scan.h"

namespace codec::json {

namespace {

// The depth was capped by the scan, so recursion is, too.
base::Result<Value> convert(const cJSON* item) {
    if (cJSON_IsNull(item)) return Value();
    if (cJSON_IsBool(item)) return Value(cJSON_IsTrue(item) != 0);
    if (cJSON_IsString(item)) return Value(std::string_view(item->valuestring));
    if (cJSON_IsNumber(item)) {
        const double number = item->valuedouble;
        if (std::trunc(number) == number && std::fabs(number) < 9007199254740992.0) {
            return Value(static_cast<std::int64_t>(number));
        }
        return Value::real(number);
    }
    if (cJSON_IsArray(item)) {
        Array items;
        for (const cJSON* each = item->child; each != nullptr; each = each->next) {
            items.push_back(TRY(convert(each)));
        }
        return Value(std::move(items));
    }
    Object members;
    std::set<std::string_view> keys;
    for (const cJSON* each = item->child; each != nullptr; each = each->next) {
        if (!keys.insert(each->string).second) {
            return base::Error::data(fmt::format("key {} stands twice", base::quote(each->string)));
        }
        Value value = TRY(convert(each));
        members.push_back({each->string, std::move(value)});
    }
    return Value(std::move(members));
}

}  // namespace

base::Result<Value> parse(std::string_view text, const Limits& limits) {
    if (text.size() > limits.maximum_bytes) {
        return base::Error::data(
            fmt::format("JSON text is larger than {}", base::format_size(limits.maximum_bytes)));
    }
    TRY(scan(text, limits));
    const char* end = nullptr;
    const std::unique_ptr<cJSON, decltype(&cJSON_Delete)> tree(
        cJSON_ParseWithLengthOpts(text.data(), text.size(), &end, 0), &cJSON_Delete);
    const std::size_t offset = end == nullptr ? 0 : static_cast<std::size_t>(end - text.data());
    if (tree == nullptr) return error_at(text, offset, "malformed JSON");
    const std::size_t rest = text.find_first_not_of(" \t\r\n", offset);
    if (rest != std::string_view::npos) {
        return error_at(text, rest, "text behind the end of the value");
    }
    return convert(tree.get());
}

}  // namespace codec::json
