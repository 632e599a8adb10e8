// Accept, then open a stream.
#include "inbound.h"

namespace pipeline {

using base::Error;
using base::Result;

namespace {

constexpr std::chrono::milliseconds kAcceptPause{100};  // out of descriptors

}  // namespace

Inbound::Inbound(loop::Loop& loop, Connection& connection, vsockio::Listener listener,
                 proto::pipeline::Payload request, std::function<void(const Error&)> failed)
    : loop_(loop),
      connection_(connection),
      listener_(std::move(listener)),
      request_(std::move(request)),
      failed_(std::move(failed)) {}

Result<std::unique_ptr<Inbound>> Inbound::create(loop::Loop& loop, Connection& connection,
                                                 const vsockio::Address& address,
                                                 proto::pipeline::Payload request,
                                                 std::function<void(const Error&)> failed) {
    vsockio::Listener listener = TRY(vsockio::Listener::create(address));
    std::unique_ptr<Inbound> inbound(
        new Inbound(loop, connection, std::move(listener), std::move(request), std::move(failed)));
    TRY(inbound->start());
    return inbound;
}

Result<void> Inbound::start() {
    pause_ = TRY(loop::Timer::create(loop_, [this] { poll_->watch(loop::Poll::kReadable); }));
    poll_ = TRY(loop::Poll::create(loop_, listener_.fd(), [this](int) { accept_some(); }));
    poll_->watch(loop::Poll::kReadable);
    return {};
}

void Inbound::accept_some() {
    std::erase_if(joined_, [](const auto& one) { return one->over(); });
    Result<std::optional<vsockio::Connection>> arrived = listener_.accept();
    if (!arrived.ok()) {
        poll_->watch(0);
        return pause_->start(kAcceptPause);
    }
    if (!arrived.value().has_value()) return;
    const Result<void> joined = join(std::move(arrived.value()->fd));
    if (!joined.ok()) failed_(joined.error());
}

Result<void> Inbound::join(base::Fd socket) {
    base::Fd second = TRY(base::duplicate(socket.get()));
    joined_.push_back(TRY(JoinedSocket::open(loop_, connection_, request_, std::move(socket),
                                             std::move(second), [this](JoinedSocket& over) {
                                                 if (over.failure().has_value()) {
                                                     failed_(*over.failure());
                                                 }
                                             })));
    return {};
}

}  // namespace pipeline
