// The accept loop.
#include "acceptor.h"

namespace pf_proxy {

using base::Result;
using std::chrono::milliseconds;

namespace {

constexpr int kMostInATurn = 64;
// Without descriptors or memory; resume() ends it earlier.
constexpr milliseconds kPause{100};

}  // namespace

Result<std::unique_ptr<Acceptor>> Acceptor::create(loop::Loop& loop, vsockio::Listener listener,
                                                   MayAccept may_accept, Accepted accepted,
                                                   Paused paused) {
    std::unique_ptr<Acceptor> acceptor(new Acceptor(std::move(listener)));
    Acceptor* self = acceptor.get();
    acceptor->may_accept_ = std::move(may_accept);
    acceptor->accepted_ = std::move(accepted);
    acceptor->paused_ = std::move(paused);
    acceptor->timer_ = TRY(loop::Timer::create(loop, [self] { self->resume(); }));
    acceptor->poll_ =
        TRY(loop::Poll::create(loop, self->listener_.fd(), [self](int) { self->accept(); }));
    acceptor->poll_->watch(loop::Poll::kReadable);
    return acceptor;
}

void Acceptor::accept() {
    for (int count = 0; count < kMostInATurn; ++count) {
        const milliseconds wait = may_accept_();
        if (wait.count() > 0) return pause(wait);
        Result<std::optional<vsockio::Connection>> accepted = listener_.accept();
        if (!accepted.ok()) {
            paused_(accepted.error().message);
            return pause(kPause);
        }
        if (!accepted.value().has_value()) return;
        accepted_(std::move(*accepted.value()));
    }
}

// The descriptor stays readable meanwhile, so it must not be watched.
void Acceptor::pause(milliseconds time) {
    pausing_ = true;
    poll_->watch(0);
    timer_->start(time);
}

void Acceptor::resume() {
    if (!pausing_) return;
    pausing_ = false;
    timer_->stop();
    poll_->watch(loop::Poll::kReadable);
}

}  // namespace pf_proxy
