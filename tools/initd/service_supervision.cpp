// How a service is started again and stopped: backoff, start_limit, stop.
#include "service_sections.h"

#include "service_values.h"

namespace initd {

namespace {

namespace yaml = codec::yaml;
using base::Result;
using yaml::Field;
using yaml::Value;

constexpr Field<Backoff> kBackoffKeys[] = {
    {"initial", YAML_READ(Backoff, initial, TRY(v.duration()))},
    {"max", YAML_READ(Backoff, maximum, TRY(v.duration()))},
    {"factor", YAML_READ(Backoff, factor, TRY(v.number(1, 100)))},
    {"reset_after", YAML_READ(Backoff, reset_after, TRY(v.duration()))},
};

constexpr Field<StartLimit> kStartLimitKeys[] = {
    {"burst", YAML_READ(StartLimit, burst, TRY(v.number(0, 1000)))},
    {"interval", YAML_READ(StartLimit, interval, TRY(v.duration()))},
};

constexpr Field<StopRule> kStopKeys[] = {
    {"signal", YAML_READ(StopRule, signal, TRY(read_signal(v)))},
    {"timeout", YAML_READ(StopRule, timeout, TRY(v.duration()))},
};

}  // namespace

Result<void> read_backoff(const Value& value, ServiceSettings& to) {
    return yaml::read_mapping(value, kBackoffKeys, to.policy.backoff);
}

Result<void> read_start_limit(const Value& value, ServiceSettings& to) {
    return yaml::read_mapping(value, kStartLimitKeys, to.policy.start_limit);
}

Result<void> read_stop(const Value& value, ServiceSettings& to) {
    return yaml::read_mapping(value, kStopKeys, to.policy.stop);
}

}  // namespace initd
