// The opener's side of a forwarded connection.
#include "joined_socket.h"

#include "status.h"

namespace pipeline {

base::Result<std::unique_ptr<JoinedSocket>> JoinedSocket::open(
    loop::Loop& loop, Connection& connection, const proto::pipeline::Payload& request,
    base::Fd input, base::Fd output, Over over) {
    std::unique_ptr<JoinedSocket> joined(new JoinedSocket(std::move(over)));
    JoinedSocket& self = *joined;
    joined->stream_ = TRY(connection.open(request, self));
    joined->bridge_ = TRY(Bridge::create(loop, std::move(input), std::move(output), *self.stream_,
                                         [&self](std::optional<base::Error> error) {
                                             self.drained_ = true;
                                             if (error.has_value()) {
                                                 self.failure_ = error;
                                                 self.stream_->reset(*error);
                                                 return self.finish();
                                             }
                                             if (self.status_seen_) self.finish();
                                         }));
    return joined;
}

void JoinedSocket::on_data(std::uint8_t, std::span<const std::byte> bytes) {
    bridge_->on_data(bytes);
}

void JoinedSocket::on_end(std::uint8_t) {
    bridge_->on_end();
}

void JoinedSocket::on_room() {
    if (bridge_ != nullptr) bridge_->on_room();
}

void JoinedSocket::on_status(const proto::pipeline::Fields& fields) {
    status_seen_ = true;
    failure_ = error_of(fields);
    if (failure_.has_value() || drained_) return finish();
    bridge_->drain();
}

void JoinedSocket::on_lost(const base::Error& error) {
    failure_ = error;
    finish();
}

void JoinedSocket::finish() {
    if (over()) return;
    const Over over = std::move(over_);
    over_ = nullptr;
    over(*this);
}

}  // namespace pipeline
