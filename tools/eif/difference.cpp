// Differences in bytes and in JSON, and how they are shown.
#include "difference.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/text.h"

namespace eif {

namespace {

constexpr std::string_view kAbsent = "(absent)";

std::string place(const Difference& difference) {
    std::string text = difference.section;
    if (!difference.member.empty()) text += ": " + base::escape(difference.member, 4096);
    if (!difference.field.empty()) text += ": " + base::escape(difference.field);
    return text;
}

}  // namespace

void Report::add(Difference difference) {
    ++count_;
    if (limit_ == 0 || kept_.size() < limit_) kept_.push_back(std::move(difference));
}

void Report::compare(std::string_view section, std::string_view member, std::string_view field,
                     const std::string& left, const std::string& right) {
    if (left == right) return;
    add({std::string(section), std::string(member), std::string(field), left, right});
}

std::string Report::to_text() const {
    std::string text;
    for (const Difference& each : kept_) {
        text += fmt::format("{}: {} | {}\n", place(each), base::escape(each.left, 4096),
                            base::escape(each.right, 4096));
    }
    if (count_ > kept_.size()) text += fmt::format("and {} more\n", count_ - kept_.size());
    return text;
}

codec::json::Value Report::to_json() const {
    codec::json::Value list{codec::json::Array{}};
    for (const Difference& each : kept_) {
        codec::json::Value entry;
        entry.set("section", each.section)
            .set("member", each.member)
            .set("field", each.field)
            .set("left", each.left)
            .set("right", each.right);
        list.append(std::move(entry));
    }
    codec::json::Value object;
    object.set("equal", count_ == 0)
        .set("count", static_cast<std::int64_t>(count_))
        .set("differences", std::move(list));
    return object;
}

base::Result<std::optional<std::uint64_t>> first_difference(const Range& left, const Range& right) {
    constexpr std::size_t kBlockBytes = 256 * 1024;
    std::vector<std::byte> left_block(kBlockBytes);
    std::vector<std::byte> right_block(kBlockBytes);
    const std::uint64_t common = std::min(left.size, right.size);
    for (std::uint64_t done = 0; done < common;) {
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(kBlockBytes, common - done));
        TRY(left.input->read_at(left.offset + done, std::span(left_block).first(size)));
        TRY(right.input->read_at(right.offset + done, std::span(right_block).first(size)));
        const auto end = left_block.begin() + static_cast<std::ptrdiff_t>(size);
        const auto [here, there] = std::mismatch(left_block.begin(), end, right_block.begin());
        if (here != end) {
            return std::optional(done + static_cast<std::uint64_t>(here - left_block.begin()));
        }
        done += size;
    }
    if (left.size == right.size) return std::optional<std::uint64_t>();
    return std::optional(common);
}

base::Result<void> compare_bytes(Report& report, std::string_view section, std::string_view member,
                                 std::string_view field, const Range& left, const Range& right) {
    const std::optional<std::uint64_t> offset = TRY(first_difference(left, right));
    if (!offset) return {};
    const auto shown = [&](const Range& range) -> base::Result<std::string> {
        if (*offset >= range.size) return fmt::format("ends at byte {}", range.size);
        std::array<std::byte, 1> byte{};
        TRY(range.input->read_at(range.offset + *offset, byte));
        return fmt::format("byte {} is 0x{}{}", *offset, base::to_hex(byte),
                           left.size == right.size ? "" : fmt::format(" of {}", range.size));
    };
    report.add({std::string(section), std::string(member), std::string(field), TRY(shown(left)),
                TRY(shown(right))});
    return {};
}

void compare_json(Report& report, std::string_view section, const std::string& path,
                  const codec::json::Value& left, const codec::json::Value& right) {
    if (left == right) return;
    const auto differ = [&](const std::string& where, const codec::json::Value* one,
                            const codec::json::Value* other) {
        const auto shown = [](const codec::json::Value* value) {
            return value == nullptr ? std::string(kAbsent) : codec::json::write(*value);
        };
        report.add({std::string(section), "", where, shown(one), shown(other)});
    };
    if (left.as_object() != nullptr && right.as_object() != nullptr) {
        const std::size_t before = report.count();
        const auto inside = [&path](const std::string& key) {
            return path.empty() ? key : fmt::format("{}.{}", path, key);
        };
        for (const auto& [key, value] : *left.as_object()) {
            const codec::json::Value* other = right.find(key);
            if (other == nullptr) differ(inside(key), &value, nullptr);
            if (other != nullptr) compare_json(report, section, inside(key), value, *other);
        }
        for (const auto& [key, value] : *right.as_object()) {
            if (left.find(key) == nullptr) differ(inside(key), nullptr, &value);
        }
        if (report.count() == before) {
            report.add({std::string(section), "", path, "order of keys", "another order"});
        }
        return;
    }
    if (left.as_array() != nullptr && right.as_array() != nullptr) {
        const auto& one = *left.as_array();
        const auto& other = *right.as_array();
        for (std::size_t index = 0; index < std::max(one.size(), other.size()); ++index) {
            const std::string where = fmt::format("{}[{}]", path, index);
            if (index >= one.size() || index >= other.size()) {
                differ(where, index < one.size() ? &one[index] : nullptr,
                       index < other.size() ? &other[index] : nullptr);
            } else {
                compare_json(report, section, where, one[index], other[index]);
            }
        }
        return;
    }
    differ(path, &left, &right);
}

}  // namespace eif
