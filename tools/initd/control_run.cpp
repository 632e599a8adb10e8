// Programs that a client wants to have run once.
#include <new>

#include "control.h"
#include "outcome.h"

namespace initd {

namespace {

using base::ExitCode;
using proto::control::Field;
using proto::control::FieldId;
using proto::control::Frame;
using proto::control::FrameWriter;

// Empty when it is sound.
const char* read_request(const Frame& asked, RunRequest& request) {
    const char* wrong = "";
    asked.for_each([&](const Field& field) {
        const std::string_view text = field.as_text();
        const bool is_text = field.id == FieldId::argument || field.id == FieldId::variable ||
                             field.id == FieldId::folder || field.id == FieldId::user_name;
        if (is_text && text.find('\0') != std::string_view::npos) wrong = "a text has a NUL byte";
        const std::size_t equals = text.find('=');
        switch (field.id) {
            case FieldId::argument: request.command.emplace_back(text); break;
            case FieldId::name: request.name = text; break;
            case FieldId::user_name: request.user = text; break;
            case FieldId::folder: request.folder = text; break;
            case FieldId::variable:
                if (equals == 0 || equals == std::string_view::npos)
                    wrong = "a variable is not KEY=VALUE";
                else
                    request.environment[std::string(text.substr(0, equals))] =
                        text.substr(equals + 1);
                break;
            default: break;
        }
    });
    if (request.command.empty() || request.command[0].empty()) return "no program is named";
    if (!request.folder.empty() && request.folder[0] != '/')
        return "the folder is no absolute path";
    return wrong;
}

}  // namespace

void Control::run(ControlClient& client, const Frame& asked) {
    if (phase_ != "running") return failed(client, ExitCode::temporary, "the enclave is ending");
    try {
        RunRequest request;
        const std::string_view wrong = read_request(asked, request);
        if (!wrong.empty()) return failed(client, ExitCode::usage, wrong);
        const auto index = subjects_.roster->run(request, std::chrono::steady_clock::now());
        if (!index.ok()) return failed(client, index.error().code, index.error().message);
        client.index_ = index.value();
    } catch (const std::bad_alloc&) {
        return failed(client, ExitCode::temporary, "not enough memory to run a program");
    }
    client.follow_ = asked.number(FieldId::wait).value_or(0) != 0;
    client.task_ = ControlClient::Task::run;
    const Unit& unit = *(*subjects_.units)[client.index_];
    subjects_.journal->info("control: user {} runs a program as service {}", client.user_id_,
                            unit.name());
}

void Control::fill_run(ControlClient& client) {
    const Supervisor& supervisor = *subjects_.supervisor;
    const Service& service = supervisor.service(client.index_);
    const std::string& name = (*subjects_.units)[client.index_]->name();
    if (!supervisor.down(client.index_)) {
        const bool runs = service.state() != State::waiting && service.state() != State::launching;
        if (runs && !client.follow_) done(client, name);
        return;
    }
    const Ending& ending = service.ending();
    if (ending.how == Ending::How::cannot_start || !client.follow_) {
        if (ending.how != Ending::How::cannot_start) return done(client, name);
        const auto code = static_cast<ExitCode>(ending.exit_status());
        return failed(client, code,
                      describe(ending, subjects_.booted->loaded.services[client.index_]).data());
    }
    FrameWriter writer = frame(client, Kind::service);
    describe_service(writer, client.index_);
    if (!put(client, writer)) return void(client.more_now_ = true);
    done(client, name);
}

}  // namespace initd
