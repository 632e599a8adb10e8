// Connect, then join.
#include "outbound.h"

namespace pipeline {

using base::Error;
using base::Result;

namespace {

constexpr std::chrono::milliseconds kConnectLimit{10'000};

}  // namespace

Result<std::unique_ptr<Outbound>> Outbound::start(loop::Loop& loop, const vsockio::Address& address,
                                                  Stream& stream, std::function<void()> connected,
                                                  Finished finished) {
    std::unique_ptr<Outbound> outbound(
        new Outbound(loop, stream, std::move(connected), std::move(finished)));
    Outbound& self = *outbound;
    outbound->connector_ =
        TRY(vsockio::Connector::start(loop, address, kConnectLimit, [&self](auto reached) {
            const Result<void> joined = reached.ok() ? self.join(reached.value()->release())
                                                     : Result<void>(reached.error());
            if (!joined.ok()) self.finished_(joined.error());
        }));
    return outbound;
}

Result<void> Outbound::join(base::Fd socket) {
    base::Fd second = TRY(base::duplicate(socket.get()));
    bridge_ = TRY(Bridge::create(loop_, std::move(socket), std::move(second), stream_,
                                 [this](auto error) { finished_(std::move(error)); }));
    connected_();
    if (!early_.empty()) bridge_->on_data(early_);
    early_.clear();
    if (early_end_) bridge_->on_end();
    return {};
}

void Outbound::on_data(std::span<const std::byte> bytes) {
    received_ += bytes.size();
    if (bridge_ != nullptr) return bridge_->on_data(bytes);
    early_.insert(early_.end(), bytes.begin(), bytes.end());
}

void Outbound::on_end() {
    if (bridge_ != nullptr) return bridge_->on_end();
    early_end_ = true;
}

void Outbound::on_room() {
    if (bridge_ != nullptr) bridge_->on_room();
}

}  // namespace pipeline
