// How a service is found ready and healthy, started again and stopped: ready, health, backoff,
// start_limit, stop.
#include "service_sections.h"

#include "base/format.h"
#include "base/text.h"
#include "probe.h"
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

template <ReadyProbe::Kind kind>
Result<void> read_probe(const Value& value, ServiceSettings& to) {
    if (to.policy.probed) return value.fail("one of tcp, unix and file is enough");
    to.ready_probe = {
        kind, TRY(kind == ReadyProbe::Kind::tcp ? value.text() : read_absolute_path(value))};
    if (kind == ReadyProbe::Kind::tcp && !parse_tcp_target(to.ready_probe.target)) {
        return value.fail("expected a numeric ADDRESS:PORT, [ADDRESS]:PORT or localhost:PORT");
    }
    if (kind == ReadyProbe::Kind::local && !unix_address(to.ready_probe.target)) {
        return value.fail("the path is too long for a socket");
    }
    to.policy.probed = true;
    return {};
}

constexpr std::uint64_t kLastDescriptor = 255;

constexpr Field<ServiceSettings> kReadyKeys[] = {
    {"timeout", YAML_READ(ServiceSettings, policy.ready_timeout, TRY(v.duration()))},
    {"tcp", read_probe<ReadyProbe::Kind::tcp>},
    {"unix", read_probe<ReadyProbe::Kind::local>},
    {"file", read_probe<ReadyProbe::Kind::file>},
    {"fd", YAML_READ(ServiceSettings, ready_descriptor, TRY(v.number(3, kLastDescriptor)))},
};

// A check that is due all the time would keep PID 1 busy.
Result<milliseconds> read_period(const Value& value) {
    constexpr milliseconds kShortest{10};
    const milliseconds period = TRY(value.duration());
    if (period < kShortest) return value.fail("expected at least 10ms");
    return period;
}

constexpr Field<HealthRule> kHealthKeys[] = {
    {"exec", YAML_READ(HealthRule, command, TRY(read_command(v))), true},
    {"interval", YAML_READ(HealthRule, interval, TRY(read_period(v)))},
    {"timeout", YAML_READ(HealthRule, timeout, TRY(read_period(v)))},
    {"retries", YAML_READ(HealthRule, retries, TRY(v.number(1, 1000)))},
};

}  // namespace

Result<void> read_health(const Value& value, ServiceSettings& to) {
    return yaml::read_mapping(value, kHealthKeys, to.health);
}

Result<void> read_ready(const Value& value, ServiceSettings& to) {
    return yaml::read_mapping(value, kReadyKeys, to);
}

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
