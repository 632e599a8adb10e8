// Filling the pool, one connection at a time, and keeping it fresh.
#include "stream_pool.h"

#include <algorithm>

#include "proto/pf_proxy.h"

namespace pf_proxy {

using base::Fd;
using base::Result;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{5'000};
// Well before the far side ends a stream without a request.
constexpr milliseconds kOldest = proto::pf_proxy::kFirstByteLimit * 3 / 4;
constexpr milliseconds kLookAtAges{5'000};

}  // namespace

Result<std::unique_ptr<StreamPool>> StreamPool::create(loop::Loop& loop,
                                                       const vsockio::Address& far,
                                                       std::size_t size,
                                                       milliseconds connect_limit) {
    std::unique_ptr<StreamPool> pool(new StreamPool(loop, far, size, connect_limit));
    StreamPool* self = pool.get();
    pool->again_ = TRY(loop::Timer::create(loop, [self] { self->fill(); }));
    pool->age_ = TRY(loop::Timer::create(loop, [self] { self->drop_old(); }));
    pool->again_->start(milliseconds(0));
    pool->age_->start(kLookAtAges, kLookAtAges);
    return pool;
}

Fd StreamPool::take() {
    if (streams_.empty()) return {};
    const std::unique_ptr<Stream> stream = std::move(streams_.back());
    streams_.pop_back();
    stream->poll.reset();
    if (connector_ == nullptr && pause_.count() == 0) again_->start(milliseconds(0));
    return std::move(stream->fd);
}

void StreamPool::fill() {
    if (connector_ != nullptr || streams_.size() >= size_) return;
    Result<std::unique_ptr<vsockio::Connector>> connector = vsockio::Connector::start(
        loop_, far_, connect_limit_, [this](Result<Fd> fd) { connected(std::move(fd)); });
    if (!connector.ok()) return connected(std::move(connector).error());
    connector_ = std::move(connector).value();
}

void StreamPool::connected(Result<Fd> fd) {
    connector_.reset();
    if (fd.ok()) {
        auto stream = std::make_unique<Stream>();
        stream->fd = std::move(fd).value();
        stream->opened = loop_.now();
        const Stream* raw = stream.get();
        Result<loop::Poll> poll =
            loop::Poll::create(loop_, stream->fd.get(), [this, raw](int) { drop(raw); });
        if (poll.ok()) {
            pause_ = milliseconds(0);
            stream->poll = std::move(poll).value();
            stream->poll->watch(loop::Poll::kReadable);
            streams_.push_back(std::move(stream));
            return fill();
        }
    }
    pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
    again_->start(pause_);
}

void StreamPool::drop(const Stream* stream) {
    std::erase_if(streams_, [stream](const auto& one) { return one.get() == stream; });
    // Not at once: a far side that closes each new stream would keep us busy.
    pause_ = std::max(pause_, kFirstPause);
    again_->start(pause_);
}

void StreamPool::drop_old() {
    const milliseconds oldest = loop_.now() - kOldest;
    std::erase_if(streams_, [oldest](const auto& one) { return one->opened < oldest; });
    if (pause_.count() == 0) fill();
}

}  // namespace pf_proxy
