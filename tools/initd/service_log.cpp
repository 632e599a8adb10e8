// Where the output of a service goes: log.
#include "service_sections.h"

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

constexpr Field<S> kLogKeys[] = {
    {"ring", YAML_READ(S, ring_bytes, TRY(read_ring(v)))},
    {"console", YAML_READ(S, console, TRY(v.boolean()))},
    {"file", refuse_unsupported},
    {"max_size", refuse_unsupported},
    {"files", refuse_unsupported},
};

}  // namespace

Result<void> read_log(const Value& value, ServiceSettings& to) {
    return yaml::read_mapping(value, kLogKeys, to);
}

}  // namespace initd
