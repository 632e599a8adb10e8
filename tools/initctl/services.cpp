// Services: listed, shown, drawn as a tree, changed.
#include <algorithm>

#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "commands.h"
#include "fields.h"
#include "output.h"
#include "tree.h"

namespace initctl {

namespace {

using base::Result;
using codec::json::Array;
using codec::json::Value;
using proto::control::FieldId;
using proto::control::Frame;
using proto::control::FrameWriter;
using Kind = Client::Kind;

Result<std::vector<Value>> fetch(Client& client, Kind kind, std::string_view name) {
    std::vector<Value> services;
    TRY(client.ask(
        kind,
        [&](FrameWriter& frame) {
            if (!name.empty()) frame.text(FieldId::name, name);
        },
        [&](const Frame& frame) -> Result<void> {
            if (frame.kind() == Kind::service) services.push_back(to_json(frame));
            return {};
        }));
    return services;
}

Result<int> print_json(std::vector<Value> services) {
    TRY(base::print(codec::json::write(Value(Array(std::move(services))), 2) + "\n"));
    return 0;
}

std::string duration_of(std::uint64_t milliseconds) {
    return base::format_duration(std::chrono::milliseconds(milliseconds));
}

// "exited 3", "signaled 9", "cannot start: errno 2 at exec".
std::string ending_of(const Value& service) {
    const std::string how = text_of(service, "ending");
    if (how.empty()) return "";
    const std::string step = text_of(service, "ending_step");
    if (!step.empty()) {
        return fmt::format("{}: errno {} at {}", how, number_of(service, "ending_value"), step);
    }
    const std::string cause = text_of(service, "ending_cause");
    return fmt::format("{} {}{}", how, number_of(service, "ending_value"),
                       cause.empty() ? "" : ": " + cause);
}

// "yes", "no, waits for tcp 127.0.0.1:80".
std::string readiness_of(const Value& service) {
    const Value* ready = service.find("ready");
    if (ready == nullptr) return "";
    if (ready->as_bool().value_or(false)) return "yes";
    const std::string by = base::escape(text_of(service, "ready_by"), 1024);
    const bool waits = text_of(service, "state") == "starting" && !by.empty();
    return waits ? "no, waits for " + by : "no";
}

std::string names_of(const Value& service, std::string_view key) {
    std::string text;
    const Value* list = service.find(key);
    if (list == nullptr || list->as_array() == nullptr) return text;
    for (const Value& name : *list->as_array()) {
        text += (text.empty() ? "" : ", ") + base::escape(name.as_text().value_or(""));
    }
    return text;
}

std::string describe(const Value& service, bool coloured) {
    const auto yes = [&](const char* key) {
        const Value* value = service.find(key);
        return value != nullptr && value->as_bool().value_or(false) ? "yes" : "no";
    };
    const std::string state = text_of(service, "state");
    std::string text = base::escape(text_of(service, "name")) + '\n';
    const auto line = [&](std::string_view head, const std::string& value) {
        if (!value.empty()) text += fmt::format("  {:<10} {}\n", head, value);
    };
    const auto number = [&](const char* key, auto format) {
        return service.find(key) != nullptr ? format(number_of(service, key)) : std::string();
    };
    const auto plain = [](std::uint64_t value) { return fmt::format("{}", value); };
    line("state", paint(base::escape(state), colour_of(state), coloured) + ", since " +
                      duration_of(number_of(service, "since_ms")));
    line("reason", base::escape(text_of(service, "reason"), 1024));
    line("ready", readiness_of(service));
    line("health", base::escape(text_of(service, "health")));
    line("says", base::escape(text_of(service, "status_text"), 1024));
    line("pid", number("pid", plain));
    line("next start", number("next_start_ms", duration_of));
    line("type", base::escape(text_of(service, "type")));
    line("restart", base::escape(text_of(service, "restart_policy")));
    line("enabled", yes("enabled"));
    line("critical", yes("critical"));
    line("starts", number("starts", plain));
    line("last end", base::escape(ending_of(service)));
    line("memory", number("memory_bytes", base::format_size));
    line("processor", number("cpu_us", [](std::uint64_t us) { return duration_of(us / 1000); }));
    line("tasks", number("tasks", plain));
    line("requires", names_of(service, "needed"));
    line("after", names_of(service, "after"));
    line("wants", names_of(service, "wanted"));
    line("before", names_of(service, "before"));
    return text;
}

Kind kind_of(std::string_view command) {
    if (command == "start") return Kind::start;
    if (command == "stop") return Kind::stop;
    if (command == "restart") return Kind::restart;
    if (command == "enable") return Kind::enable;
    return Kind::disable;
}

}  // namespace

Result<int> list_services(Client& client, const base::Arguments& arguments) {
    std::vector<Value> services = TRY(fetch(client, Kind::list, ""));
    if (arguments.has("json")) return print_json(std::move(services));
    std::vector<std::vector<Cell>> rows;
    for (const Value& service : services) {
        const std::string state = text_of(service, "state");
        const std::uint64_t pid = number_of(service, "pid");
        rows.push_back({{text_of(service, "name")},
                        {state, colour_of(state)},
                        {pid == 0 ? "-" : fmt::format("{}", pid), Colour::none, true},
                        {duration_of(number_of(service, "since_ms")), Colour::none, true},
                        {fmt::format("{}", number_of(service, "starts")), Colour::none, true},
                        {ending_of(service)}});
    }
    TRY(base::print(format_table({"SERVICE", "STATE", "PID", "SINCE", "STARTS", "LAST END"}, rows,
                                 wants_colour())));
    return 0;
}

Result<int> show_tree(Client& client, const base::Arguments& arguments) {
    std::vector<Value> services = TRY(fetch(client, Kind::list, ""));
    if (arguments.has("json")) {
        Array edges;
        for (const Value& service : services) {
            Value one;
            for (const char* key : {"name", "state", "needed", "after", "wanted", "before"}) {
                if (const Value* value = service.find(key)) one.set(key, *value);
            }
            edges.push_back(std::move(one));
        }
        return print_json(std::move(edges));
    }
    TRY(base::print(format_tree(services, wants_colour())));
    return 0;
}

Result<int> show_status(Client& client, const base::Arguments& arguments) {
    std::vector<Value> services;
    for (const std::string_view name : arguments.operands) {
        Result<std::vector<Value>> found = fetch(client, Kind::status, name);
        if (!found.ok()) return std::move(found).error().at("service " + base::quote(name));
        std::ranges::move(found.value(), std::back_inserter(services));
    }
    if (arguments.has("json")) return print_json(std::move(services));
    for (const Value& service : services)
        TRY(base::print(describe(service, wants_colour())));
    return 0;
}

Result<int> change_services(Client& client, const base::Arguments& arguments) {
    const Kind kind = kind_of(arguments.command->name);
    for (const std::string_view name : arguments.operands) {
        Result<void> changed =
            client.ask(kind, [&](FrameWriter& frame) { frame.text(FieldId::name, name); }, {});
        if (!changed.ok()) return std::move(changed).error().at("service " + base::quote(name));
    }
    return 0;
}

}  // namespace initctl
