// Forwarding on the server.
#include "forward_task.h"

namespace pipeline {

using base::Error;
using base::Result;
using proto::pipeline::FieldId;
using proto::pipeline::Operation;
using proto::pipeline::Payload;

Result<void> ForwardTask::start() {
    outbound_ = TRY(Outbound::start(
        loop_, address_, stream(),
        [this] { stream().send_opened(Payload().text(FieldId::address, to_string(address_))); },
        [this](std::optional<Error> error) {
            if (error.has_value()) return fail(*error);
            finish(Payload().number(FieldId::code, 0), {"done", outbound_->bytes()});
        }));
    return {};
}

void ForwardTask::on_data(std::uint8_t, std::span<const std::byte> bytes) {
    outbound_->on_data(bytes);
}

Result<void> ListenTask::start() {
    Payload request;
    request.number(FieldId::operation, static_cast<std::uint64_t>(Operation::forward));
    request.text(FieldId::address, to_string(address_));
    // What came to nothing is told to the client by its own status.
    inbound_ =
        TRY(Inbound::create(loop_, connection_, address_, std::move(request), [](const Error&) {}));
    stream().send_opened(Payload().text(FieldId::address, to_string(inbound_->bound())));
    return {};
}

}  // namespace pipeline
