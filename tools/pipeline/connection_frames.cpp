// What frames do: to the connection, to its streams, and what streams send.
#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/format.h"
#include "connection.h"
#include "status.h"

namespace pipeline {

using proto::pipeline::FieldId;
using proto::pipeline::Frame;
using proto::pipeline::kHeaderBytes;
using proto::pipeline::Kind;
using proto::pipeline::kInitialWindow;
using proto::pipeline::kMaximumPayload;
using proto::pipeline::kMaximumStreams;
using proto::pipeline::Payload;

namespace {

// A ping's payload comes back, so it is short.
constexpr std::size_t kMaximumPing = 64;
constexpr std::uint32_t kHighestStream = 0xFFFF;

base::Error reason_of(const proto::pipeline::Fields& fields) {
    return error_of(fields).value_or(
        base::Error(base::ExitCode::protocol, "the peer gave up without a reason"));
}

}  // namespace

void Connection::take(const Frame& frame) {
    if (state_ == State::closing) return;  // nothing more is asked of the peer
    if (frame.header.stream == 0) return take_of_connection(frame);
    if (state_ != State::open) {
        return lose(base::Error(base::ExitCode::protocol,
                                "the peer opened a stream before the greeting was over"));
    }
    if (frame.header.kind == Kind::open) return take_open(frame);
    const auto found = streams_.find(frame.header.stream);
    if (found != streams_.end()) return take_of_stream(*found->second, frame);
    // What was under way when a stream ended is passed over; one that never was is an error.
    const bool ever = is_own(frame.header.stream) ? frame.header.stream < next_own_id_
                                                  : frame.header.stream <= highest_peer_id_;
    if (!ever) {
        lose(base::Error(base::ExitCode::protocol, "the peer spoke on a stream that never was"));
    }
}

void Connection::take_of_connection(const Frame& frame) {
    switch (frame.header.kind) {
        case Kind::hello:
        case Kind::welcome:
            if (state_ != State::greeting ||
                (frame.header.kind == Kind::hello) != (side_ == crypto::Tls::Side::server)) {
                return lose(
                    base::Error(base::ExitCode::protocol, "the peer greeted out of its turn"));
            }
            return owner_.on_greeting(frame.fields);
        case Kind::refused: return lose(reason_of(frame.fields));
        case Kind::ping:
            if (state_ != State::open || frame.payload.size() > kMaximumPing) {
                return lose(base::Error(base::ExitCode::protocol, "the peer sent a bad ping"));
            }
            return send(Kind::pong, 0, 0, frame.payload);
        case Kind::pong: {
            if (frame.payload.size() != 8) return;
            const std::uint64_t stamp = base::load_be<std::uint64_t>(frame.payload);
            const auto found =
                std::ranges::find(pings_, stamp, [](auto& one) { return one.first; });
            if (found == pings_.end()) return;
            const auto answered = std::move(found->second);
            pings_.erase(found);
            const std::chrono::nanoseconds now =
                std::chrono::steady_clock::now().time_since_epoch();
            return answered(now - std::chrono::nanoseconds(stamp));
        }
        default: return;
    }
}

void Connection::take_open(const Frame& frame) {
    const std::uint16_t id = frame.header.stream;
    if (is_own(id) || id <= highest_peer_id_) {
        return lose(base::Error(base::ExitCode::protocol,
                                "the peer opened a stream whose number is not its next"));
    }
    highest_peer_id_ = id;
    if (streams_.size() >= kMaximumStreams) {
        return refuse_stream(id, base::Error(base::ExitCode::temporary,
                                             fmt::format("{} streams are open on this connection",
                                                         kMaximumStreams)));
    }
    owner_.on_open(id, frame.fields);
}

void Connection::take_of_stream(Stream& stream, const Frame& frame) {
    StreamUser& user = *stream.user_;
    const Kind kind = frame.header.kind;
    if ((kind == Kind::opened || kind == Kind::status) && !is_own(stream.id_)) {
        return lose(base::Error(base::ExitCode::protocol,
                                "the peer answered on a stream that it has opened itself"));
    }
    switch (kind) {
        case Kind::data: return take_data(stream, frame);
        case Kind::end: return user.on_end(frame.header.channel);
        case Kind::window: {
            const std::uint32_t credit = base::load_be<std::uint32_t>(frame.payload);
            if (stream.send_credit_ + std::uint64_t{credit} > proto::pipeline::kMaximumWindow) {
                return lose(base::Error(base::ExitCode::protocol,
                                        "the peer gave more credit than there can be"));
            }
            stream.send_credit_ += credit;
            return;  // on_room() comes when the turn's frames are done
        }
        case Kind::opened: return user.on_opened(frame.fields);
        case Kind::event: return user.on_event(frame.fields);
        case Kind::status: forget(stream); return user.on_status(frame.fields);
        case Kind::reset: forget(stream); return user.on_lost(reason_of(frame.fields));
        default: return;
    }
}

void Connection::take_data(Stream& stream, const Frame& frame) {
    if (frame.payload.size() > stream.receive_credit_) {
        return lose(base::Error(base::ExitCode::protocol, "the peer sent more than its credit"));
    }
    stream.receive_credit_ -= static_cast<std::uint32_t>(frame.payload.size());
    stream.user_->on_data(frame.header.channel, frame.payload);
}

void Connection::send(Kind kind, std::uint16_t stream, std::uint8_t channel,
                      std::span<const std::byte> payload) {
    if (!alive() || state_ == State::closing) return;
    payload = payload.first(std::min(payload.size(), kMaximumPayload));
    proto::pipeline::put_header(
        output_, {kind, channel, stream, static_cast<std::uint32_t>(payload.size())});
    if (payload.data() != output_.data() + kHeaderBytes) {
        std::ranges::copy(payload, output_.begin() + kHeaderBytes);
    }
    const base::Result<void> written =
        tls_.write(std::span(output_).first(kHeaderBytes + payload.size()));
    if (!written.ok()) lose(written.error());
}

base::Result<std::unique_ptr<Stream>> Connection::open(const Payload& fields, StreamUser& user) {
    if (state_ != State::open) {
        return base::Error(base::ExitCode::unavailable, "the connection is not open");
    }
    if (!fields.fits()) return base::Error::usage("what is asked for is too long for one frame");
    if (next_own_id_ > kHighestStream) {
        return base::Error(base::ExitCode::temporary, "the connection has had all its streams")
            .with_hint("connect again");
    }
    std::unique_ptr<Stream> stream(
        new Stream(*this, static_cast<std::uint16_t>(next_own_id_), user));
    next_own_id_ += 2;
    streams_.emplace(stream->id(), stream.get());
    send(Kind::open, stream->id(), 0, fields.view());
    pass_on();
    return stream;
}

std::unique_ptr<Stream> Connection::accept(std::uint16_t id, StreamUser& user) {
    std::unique_ptr<Stream> stream(new Stream(*this, id, user));
    streams_.emplace(id, stream.get());
    return stream;
}

void Connection::refuse_stream(std::uint16_t id, const base::Error& error) {
    send(Kind::status, id, 0, encode(error).view());
    pass_on();
}

void Connection::forget(Stream& stream) {
    streams_.erase(stream.id_);
    stream.connection_ = nullptr;
}

void Connection::offer_room() {
    // Users may open and end streams in their calls, so each turn looks its stream up again.
    std::uint16_t last = 0;
    while (alive() && tls_.pending() < kOutputLimit) {
        const auto next = std::ranges::find_if(streams_, [last](const auto& entry) {
            return entry.first > last && entry.second->wants_room_ &&
                   entry.second->send_credit_ > 0;
        });
        if (next == streams_.end()) return;
        last = next->first;
        next->second->wants_room_ = false;
        next->second->user_->on_room();
    }
}

Stream::~Stream() {
    if (connection_ == nullptr) return;
    reset(base::Error(base::ExitCode::unavailable, "the other side gave up"));
}

std::size_t Stream::room() const {
    if (connection_ == nullptr || connection_->tls_.pending() >= Connection::kOutputLimit) return 0;
    return std::min<std::size_t>(send_credit_, kMaximumPayload);
}

std::span<std::byte> Stream::prepare() {
    const std::size_t size = room();
    wants_room_ = size == 0;
    if (size == 0) return {};
    return std::span(connection_->output_).subspan(kHeaderBytes, size);
}

void Stream::commit(std::uint8_t channel, std::size_t size) {
    if (connection_ == nullptr || size == 0) return;
    send_credit_ -= static_cast<std::uint32_t>(size);
    connection_->send(Kind::data, id_, channel,
                      std::span(connection_->output_).subspan(kHeaderBytes, size));
    // More room is offered when this has gone out.
    wants_room_ = true;
    connection_->pass_on();
}

void Stream::end(std::uint8_t channel) {
    if (connection_ == nullptr) return;
    connection_->send(Kind::end, id_, channel, {});
    connection_->pass_on();
}

void Stream::consumed(std::size_t bytes) {
    if (connection_ == nullptr) return;
    unreturned_ += static_cast<std::uint32_t>(bytes);
    if (unreturned_ < kInitialWindow / 2) return;
    give_credit(std::exchange(unreturned_, 0));
}

void Stream::widen(std::uint32_t bytes) {
    if (connection_ != nullptr) give_credit(bytes);
}

void Stream::give_credit(std::uint32_t bytes) {
    std::byte credit[4];
    base::store_be(std::span(credit), bytes);
    receive_credit_ += bytes;
    connection_->send(Kind::window, id_, 0, credit);
    connection_->pass_on_at_once();
}

void Stream::send_opened(const Payload& fields) {
    if (connection_ == nullptr) return;
    connection_->send(Kind::opened, id_, 0, fields.view());
    connection_->pass_on();
}

void Stream::send_event(const Payload& fields) {
    if (connection_ == nullptr) return;
    connection_->send(Kind::event, id_, 0, fields.view());
    connection_->pass_on();
}

void Stream::finish(const Payload& status) {
    if (connection_ == nullptr) return;
    Connection& connection = *connection_;
    connection.send(Kind::status, id_, 0, status.view());
    connection.forget(*this);
    connection.pass_on();
}

void Stream::reset(const base::Error& error) {
    if (connection_ == nullptr) return;
    Connection& connection = *connection_;
    connection.send(Kind::reset, id_, 0, encode(error).view());
    connection.forget(*this);
    connection.pass_on();
}

}  // namespace pipeline
