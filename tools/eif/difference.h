// What 'eif diff' finds: one entry per fact that two images disagree on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "input.h"

namespace eif {

struct Difference {
    std::string section;  // "header", "kernel", "ramdisk1", ...
    std::string member;   // name inside an archive; "" where there is none
    std::string field;    // "mode", "content", a JSON path, ...
    std::string left;
    std::string right;
};

// Collects differences; counts those beyond the limit without keeping them.
class Report {
  public:
    explicit Report(std::size_t limit) : limit_(limit) {}

    void add(Difference difference);
    // Adds one when the two texts differ.
    void compare(std::string_view section, std::string_view member, std::string_view field,
                 const std::string& left, const std::string& right);

    std::size_t count() const { return count_; }
    // "section: member: field: left | right", one line each; names escaped.
    std::string to_text() const;
    codec::json::Value to_json() const;

  private:
    std::size_t limit_;  // 0: none
    std::size_t count_ = 0;
    std::vector<Difference> kept_;
};

// A range of an input.
struct Range {
    const Input* input = nullptr;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

// The offset of the first byte that differs; where one range is the start of the other, the
// shorter one's size. nullopt: equal.
base::Result<std::optional<std::uint64_t>> first_difference(const Range& left, const Range& right);

// Adds one when the bytes differ: the offset, and both sizes if they do.
base::Result<void> compare_bytes(Report& report, std::string_view section, std::string_view member,
                                 std::string_view field, const Range& left, const Range& right);

// Adds one for each JSON path, such as BuildMetadata.BuildTime or Tags[2], with another value.
void compare_json(Report& report, std::string_view section, const std::string& path,
                  const codec::json::Value& left, const codec::json::Value& right);

// Compares archives member by member and field by field; bytes where they are no archives.
base::Result<void> compare_ramdisks(Report& report, std::string_view section,
                                    std::shared_ptr<const Input> left, const Range& left_range,
                                    std::shared_ptr<const Input> right, const Range& right_range);

}  // namespace eif
