// A program that initd runs once, and its end as ours.
#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "commands.h"
#include "fields.h"

namespace initctl {

namespace {

using base::Result;
using codec::json::Value;
using proto::control::FieldId;
using proto::control::Frame;
using proto::control::FrameWriter;
using Kind = Client::Kind;

// As a shell would tell it.
int exit_status_of(const Value& service) {
    const int value = static_cast<int>(number_of(service, "ending_value"));
    if (text_of(service, "ending") == "signaled") return 128 + value;
    const bool forced = !text_of(service, "ending_cause").empty();
    return value == 0 && forced ? 1 : value;
}

}  // namespace

Result<int> run_program(Client& client, const base::Arguments& arguments) {
    if (arguments.operands.size() < 2) {
        return base::Error::usage("no program is named", "try ps run -- PROGRAM");
    }
    const bool wait = arguments.has("wait");
    const auto fill = [&](FrameWriter& frame) {
        for (std::size_t index = 1; index < arguments.operands.size(); ++index)
            frame.text(FieldId::argument, arguments.operands[index]);
        for (const std::string_view variable : arguments.values("env"))
            frame.text(FieldId::variable, variable);
        if (arguments.has("name")) frame.text(FieldId::name, arguments.value("name"));
        if (arguments.has("user")) frame.text(FieldId::user_name, arguments.value("user"));
        if (arguments.has("cwd")) frame.text(FieldId::folder, arguments.value("cwd"));
        if (wait) frame.number(FieldId::wait, 1);
    };
    Value service;
    std::string name;
    bool answered = false;
    const auto visit = [&](const Frame& frame) -> Result<void> {
        if (frame.kind() == Kind::service) {
            service = to_json(frame);
            answered = true;
        }
        return {};
    };
    TRY(client.ask(Kind::run, fill, visit, wait, &name));
    if (!wait) {
        TRY(base::print(arguments.has("json")
                            ? codec::json::write(Value().set("name", name), 2) + "\n"
                            : base::escape(name) + "\n"));
        return 0;
    }
    if (!answered) {
        return base::Error(base::ExitCode::unavailable, "the enclave ended before the program");
    }
    if (arguments.has("json")) TRY(base::print(codec::json::write(service, 2) + "\n"));
    return exit_status_of(service);
}

}  // namespace initctl
