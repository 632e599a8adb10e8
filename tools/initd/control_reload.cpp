// Reloads asked for by a client, and what an exchange of the table means for clients at work.
#include <algorithm>

#include "control.h"

namespace initd {

using base::ExitCode;
using proto::control::FieldId;
using proto::control::FrameWriter;

void Control::reload(ControlClient& client) {
    if (phase_ != "running") return failed(client, ExitCode::temporary, "the enclave is ending");
    subjects_.journal->info("control: user {} asks for a reload", client.user_id_);
    const base::Result<void> begun = subjects_.roster->reload(std::chrono::steady_clock::now());
    if (!begun.ok()) return failed(client, begun.error().code, begun.error().message);
    client.task_ = ControlClient::Task::reload;
    client.reload_ = subjects_.roster->reloads();
    client.report_.reset();
    client.index_ = 0;
}

void Control::fill_reload(ControlClient& client) {
    if (!client.report_) {
        const Roster& roster = *subjects_.roster;
        if (roster.pending() && roster.reloads() == client.reload_) return;
        const auto& report = roster.last_report();
        if (!report || report->number != client.reload_) {
            return failed(client, ExitCode::temporary, "the enclave is ending");
        }
        client.report_ = report;
    }
    for (; client.index_ < client.report_->entries.size(); ++client.index_) {
        const ReloadReport::Entry& entry = client.report_->entries[client.index_];
        FrameWriter writer = frame(client, Kind::change);
        writer.text(FieldId::name, entry.name).text(FieldId::change, name_of(entry.change));
        if (put(client, writer)) continue;
        client.more_now_ = true;
        return;
    }
    done(client, client.report_->summary);
    client.report_.reset();
}

void Control::on_exchange(const std::vector<std::size_t>& to, std::size_t count) {
    for (ControlClient& client : clients_) {
        if (!client.fd_.valid()) continue;
        follow_exchange(client, to, count);
        // What was just put has to be sent when the socket takes it.
        update_interest(client);
        update_deadline(client, false);
    }
}

void Control::follow_exchange(ControlClient& client, const std::vector<std::size_t>& to,
                              std::size_t count) {
    const auto gone = [&] {
        failed(client, ExitCode::no_input, "the service is not there any more after a reload");
    };
    switch (client.task_) {
        case ControlClient::Task::services:
            if (client.asked_ == Kind::status) {
                if (client.index_ == client.end_index_) return;
                if (to[client.index_] == kNobody) return gone();
                client.index_ = to[client.index_];
                client.end_index_ = client.index_ + 1;
                return;
            }
            // A list goes on with the next one that was there before.
            while (client.index_ < to.size() && to[client.index_] == kNobody)
                ++client.index_;
            client.index_ = client.index_ < to.size() ? to[client.index_] : count;
            client.end_index_ = count;
            return;
        case ControlClient::Task::log:
            for (std::size_t index = 0; index < to.size(); ++index) {
                if (to[index] == kNobody && client.ring_ == &(*subjects_.units)[index]->ring()) {
                    return gone();
                }
            }
            return;
        case ControlClient::Task::settle:
        case ControlClient::Task::run:
            if (to[client.index_] == kNobody) return gone();
            client.index_ = to[client.index_];
            return;
        default: return;
    }
}

}  // namespace initd
