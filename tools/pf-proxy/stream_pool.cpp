// Filling the pool, one connection at a time, and keeping it fresh.
#include "stream_pool.h"

#include <algorithm>

#include "proto/pf_proxy.h"

namespace pf_proxy {

using base::Result;
using loop::Edge;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{5'000};
// Well before the far side ends a stream without a request.
constexpr milliseconds kOldest = proto::pf_proxy::kFirstByteLimit * 3 / 4;
constexpr milliseconds kLookAtAges{5'000};

}  // namespace

StreamPool::Stream::Stream(StreamPool& pool, std::unique_ptr<Edge> connected)
    : turn(pool.loop_, [this, &pool] { pool.look(*this); }),
      edge(std::move(connected)),
      opened(pool.loop_.now()) {
    edge->tell(&turn);
}

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

std::unique_ptr<Edge> StreamPool::take() {
    if (streams_.empty()) return nullptr;
    const std::unique_ptr<Stream> stream = std::move(streams_.back());
    streams_.pop_back();
    stream->edge->tell(nullptr);
    if (connector_ == nullptr && pause_.count() == 0) again_->start(milliseconds(0));
    return std::move(stream->edge);
}

void StreamPool::fill() {
    if (connector_ != nullptr || streams_.size() >= size_) return;
    Result<std::unique_ptr<vsockio::Connector>> connector = vsockio::Connector::start(
        loop_, far_, connect_limit_, [this](auto edge) { connected(std::move(edge)); });
    if (!connector.ok()) return connected(std::move(connector).error());
    connector_ = std::move(connector).value();
}

void StreamPool::connected(Result<std::unique_ptr<Edge>> edge) {
    connector_.reset();
    if (!edge.ok()) {
        pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
        again_->start(pause_);
        return;
    }
    pause_ = milliseconds(0);
    streams_.push_back(std::make_unique<Stream>(*this, std::move(edge).value()));
    fill();
}

void StreamPool::look(const Stream& stream) {
    if (!stream.edge->ready().readable) return;
    std::erase_if(streams_, [&stream](const auto& one) { return one.get() == &stream; });
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
