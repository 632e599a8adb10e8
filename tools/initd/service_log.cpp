// Where the output of a service goes: log.
#include "service_sections.h"
#include "service_values.h"

namespace initd {

namespace {

namespace yaml = codec::yaml;
using base::Result;
using yaml::Field;
using yaml::Value;

using S = ServiceSettings;

Result<std::size_t> read_ring(const Value& value) {
    constexpr std::uint64_t kLeast = 4 * 1024, kMost = 64 * 1024 * 1024;
    const std::uint64_t bytes = TRY(value.size());
    if (bytes < kLeast || bytes > kMost) return value.fail("expected a size from 4K to 64M");
    return static_cast<std::size_t>(bytes);
}

Result<std::string> read_file_path(const Value& value) {
    std::string path = TRY(read_absolute_path(value));
    if (path.ends_with('/')) return value.fail("expected the path of a file");
    return path;
}

Result<std::uint64_t> read_most_bytes(const Value& value) {
    // Several batches of lines: a file is never larger.
    constexpr std::uint64_t kLeast = 64 * 1024;
    const std::uint64_t bytes = TRY(value.size());
    if (bytes < kLeast) return value.fail("expected a size of at least 64K");
    return bytes;
}

constexpr Field<S> kLogKeys[] = {
    {"ring", YAML_READ(S, ring_bytes, TRY(read_ring(v)))},
    {"console", YAML_READ(S, console, TRY(v.boolean()))},
    {"file", YAML_READ(S, log_target.path, TRY(read_file_path(v)))},
    {"max_size", YAML_READ(S, log_target.most_bytes, TRY(read_most_bytes(v)))},
    {"files", YAML_READ(S, log_target.files, TRY(v.number(1, 1000)))},
};

}  // namespace

Result<void> read_log(const Value& value, ServiceSettings& to) {
    TRY(yaml::read_mapping(value, kLogKeys, to));
    for (const yaml::Entry& entry : value.node().entries) {
        if (to.log_target.path.empty() && (entry.key == "max_size" || entry.key == "files")) {
            return value.fail_at(entry.mark, "there is no file to rotate");
        }
    }
    return {};
}

}  // namespace initd
