// The table of fields.
#include "fields.h"

#include <algorithm>
#include <limits>

namespace initctl {

namespace {

using codec::json::Array;
using codec::json::Value;
using proto::control::Field;
using proto::control::FieldId;

enum class Shape { number, flag, text, list };

struct Known {
    FieldId id;
    const char* key;
    Shape shape;
};

constexpr Known kFields[] = {
    {FieldId::name, "name", Shape::text},
    {FieldId::time_ms, "time_ms", Shape::number},
    {FieldId::change, "change", Shape::text},
    {FieldId::state, "state", Shape::text},
    {FieldId::reason, "reason", Shape::text},
    {FieldId::text, "text", Shape::text},
    {FieldId::pid, "pid", Shape::number},
    {FieldId::type, "type", Shape::text},
    {FieldId::enabled, "enabled", Shape::flag},
    {FieldId::transient, "transient", Shape::flag},
    {FieldId::sidecar, "sidecar", Shape::flag},
    {FieldId::critical, "critical", Shape::flag},
    {FieldId::starts, "starts", Shape::number},
    {FieldId::since_ms, "since_ms", Shape::number},
    {FieldId::ending, "ending", Shape::text},
    {FieldId::ending_value, "ending_value", Shape::number},
    {FieldId::ending_step, "ending_step", Shape::text},
    {FieldId::ending_cause, "ending_cause", Shape::text},
    {FieldId::ready, "ready", Shape::flag},
    {FieldId::ready_by, "ready_by", Shape::text},
    {FieldId::health, "health", Shape::text},
    {FieldId::status_text, "status_text", Shape::text},
    {FieldId::restart_policy, "restart_policy", Shape::text},
    {FieldId::next_start_ms, "next_start_ms", Shape::number},
    {FieldId::memory_bytes, "memory_bytes", Shape::number},
    {FieldId::cpu_us, "cpu_us", Shape::number},
    {FieldId::tasks, "tasks", Shape::number},
    {FieldId::after, "after", Shape::list},
    {FieldId::before, "before", Shape::list},
    {FieldId::needed, "needed", Shape::list},
    {FieldId::wanted, "wanted", Shape::list},
    {FieldId::parent_pid, "parent_pid", Shape::number},
    {FieldId::user_id, "user_id", Shape::number},
    {FieldId::process_state, "process_state", Shape::text},
    {FieldId::resident_bytes, "resident_bytes", Shape::number},
    {FieldId::service_name, "service_name", Shape::text},
    {FieldId::uptime_ms, "uptime_ms", Shape::number},
    {FieldId::services, "services", Shape::number},
    {FieldId::services_up, "services_up", Shape::number},
    {FieldId::services_failed, "services_failed", Shape::number},
    {FieldId::version, "version", Shape::text},
    {FieldId::hostname, "hostname", Shape::text},
    {FieldId::phase, "phase", Shape::text},
    {FieldId::lost_lines, "lost_lines", Shape::number},
    {FieldId::lost_bytes, "lost_bytes", Shape::number},
    {FieldId::clients, "clients", Shape::number},
    {FieldId::longest_turn_us, "longest_turn_us", Shape::number},
};

// JSON's integers are signed; no count comes near their end.
std::int64_t signed_of(std::uint64_t number) {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return static_cast<std::int64_t>(std::min(number, kMost));
}

}  // namespace

Value to_json(const proto::control::Frame& frame) {
    Value object{codec::json::Object{}};
    for (const Known& known : kFields) {
        const auto number = frame.number(known.id);
        const auto text = frame.text(known.id);
        if (known.shape == Shape::number && number) object.set(known.key, signed_of(*number));
        if (known.shape == Shape::flag && number) object.set(known.key, *number != 0);
        if (known.shape == Shape::text && text) object.set(known.key, *text);
        if (known.shape != Shape::list || !text) continue;
        Value list{Array{}};
        frame.for_each([&](const Field& field) {
            if (field.id == known.id) list.append(field.as_text());
        });
        object.set(known.key, std::move(list));
    }
    return object;
}

std::string text_of(const Value& object, std::string_view key) {
    const Value* value = object.find(key);
    return value != nullptr ? std::string(value->as_text().value_or("")) : "";
}

std::uint64_t number_of(const Value& object, std::string_view key) {
    const Value* value = object.find(key);
    return value != nullptr ? static_cast<std::uint64_t>(value->as_integer().value_or(0)) : 0;
}

}  // namespace initctl
