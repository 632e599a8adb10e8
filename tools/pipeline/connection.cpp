// The life of a connection: handshake, greeting, frames in and out, silence, end. What frames do to
// streams is in connection_frames.cpp.
#include "connection.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/format.h"
#include "status.h"

namespace pipeline {

using proto::pipeline::Kind;
using proto::pipeline::Payload;

namespace {

// Frames of the peer wait in the socket while this much of ours has not gone out.
constexpr std::size_t kOutputPause = std::size_t{512} * 1024;
constexpr std::size_t kInputBytes = std::size_t{128} * 1024;
// Read in one turn of the loop before others have theirs.
constexpr std::size_t kTurnBytes = std::size_t{512} * 1024;
constexpr std::size_t kRecordBytes = std::size_t{16} * 1024;
constexpr std::chrono::milliseconds kTick{5'000};
constexpr std::chrono::milliseconds kPingAfter{15'000};
// A refusal or an end that the peer does not read is given up.
constexpr std::chrono::milliseconds kClosingLimit{5'000};

}  // namespace

Connection::Connection(loop::Loop& loop, crypto::Tls::Side side, crypto::Tls tls,
                       ConnectionOwner& owner, ConnectionLimits limits)
    : loop_(loop),
      side_(side),
      tls_(std::move(tls)),
      owner_(owner),
      limits_(limits),
      input_(kInputBytes),
      output_(proto::pipeline::kHeaderBytes + proto::pipeline::kMaximumPayload),
      next_own_id_(side == crypto::Tls::Side::client ? 1 : 2),
      began_(loop.now()),
      last_heard_(loop.now()) {}

Connection::~Connection() {
    for (auto& [id, stream] : streams_)
        stream->connection_ = nullptr;
}

base::Result<std::unique_ptr<Connection>> Connection::create(loop::Loop& loop,
                                                             crypto::Tls::Side side,
                                                             crypto::Tls tls,
                                                             ConnectionOwner& owner,
                                                             ConnectionLimits limits) {
    std::unique_ptr<Connection> connection(
        new Connection(loop, side, std::move(tls), owner, limits));
    TRY(connection->start());
    return connection;
}

base::Result<void> Connection::start() {
    poll_ = TRY(loop::Poll::create(loop_, tls_.fd(), [this](int events) { on_ready(events); }));
    turn_ = TRY(loop::Idle::create(loop_, [this] { on_turn(); }));
    tick_ = TRY(loop::Timer::create(loop_, [this] { on_tick(); }));
    tick_->start(std::min(kTick, limits_.greeting), kTick);
    turn_->start();  // the client speaks first, and outside of this call
    return {};
}

void Connection::on_ready(int events) {
    if (alive() && (events & loop::Poll::kReadable) != 0) {
        inside_ = true;
        if (state_ == State::handshake) {
            shake_hands();
        } else {
            read_input();
        }
        inside_ = false;
    }
    settle();
}

void Connection::on_turn() {
    turn_->stop();
    on_ready(loop::Poll::kReadable);
}

void Connection::shake_hands() {
    const base::Result<crypto::Tls::Progress> progress = tls_.handshake();
    if (!progress.ok()) return lose(progress.error());
    if (progress.value() == crypto::Tls::Progress::wants_input) return;
    state_ = State::greeting;
    last_heard_ = loop_.now();
    owner_.on_secure();
    if (state_ == State::greeting) read_input();
}

void Connection::read_input() {
    std::size_t read_bytes = 0;
    while (alive() && tls_.pending() < kOutputPause) {
        if (read_bytes >= kTurnBytes) {
            if (tls_.has_input()) turn_->start();
            return;
        }
        if (input_.size() - input_end_ < kRecordBytes) {
            std::copy(input_.begin() + static_cast<std::ptrdiff_t>(input_begin_),
                      input_.begin() + static_cast<std::ptrdiff_t>(input_end_), input_.begin());
            input_end_ -= input_begin_;
            input_begin_ = 0;
        }
        base::Result<std::optional<std::size_t>> got =
            tls_.read(std::span(input_).subspan(input_end_));
        if (!got.ok()) return lose(got.error());
        if (!got.value().has_value()) return;
        if (*got.value() == 0) {
            return lose(base::Error(base::ExitCode::done, "the peer ended the connection"));
        }
        last_heard_ = loop_.now();
        read_bytes += *got.value();
        input_end_ += *got.value();
        if (!take_frames()) return;
    }
}

bool Connection::take_frames() {
    while (alive()) {
        const proto::pipeline::Decoded decoded = proto::pipeline::decode(
            std::span<const std::byte>(input_).subspan(input_begin_, input_end_ - input_begin_));
        if (decoded.outcome == proto::pipeline::Decoded::Outcome::need_more) return true;
        if (decoded.outcome == proto::pipeline::Decoded::Outcome::bad) {
            lose(base::Error(base::ExitCode::protocol,
                             fmt::format("the peer sent a bad frame: {}", decoded.bad_because)));
            return false;
        }
        input_begin_ += decoded.used_bytes;
        take(decoded.frame);
        if (input_begin_ == input_end_) input_begin_ = input_end_ = 0;
    }
    return false;
}

void Connection::on_tick() {
    const std::chrono::milliseconds now = loop_.now();
    switch (state_) {
        case State::handshake:
        case State::greeting:
            if (now - began_ >= limits_.greeting) {
                lose(base::Error(base::ExitCode::unavailable,
                                 "the peer did not finish its greeting in time"));
            }
            break;
        case State::open:
            if (now - last_heard_ >= limits_.silence) {
                lose(base::Error(base::ExitCode::unavailable,
                                 fmt::format("nothing was heard of the peer for {} s",
                                             limits_.silence.count() / 1000)));
            } else if (now - last_heard_ >= kPingAfter) {
                send(Kind::ping, 0, 0, {});
            }
            break;
        case State::closing:
            if (now - began_ >= kClosingLimit) {
                lose(base::Error(base::ExitCode::done, "the connection was ended"));
            }
            break;
        case State::lost: break;
    }
    settle();
}

void Connection::greet(Kind kind, const Payload& fields) {
    send(kind, 0, 0, fields.view());
    pass_on();
}

void Connection::begin() {
    if (state_ == State::greeting) state_ = State::open;
}

void Connection::refuse(const base::Error& error) {
    if (!alive() || state_ == State::closing) return;
    send(Kind::refused, 0, 0, encode(error).view());
    close();
}

void Connection::close() {
    if (!alive() || state_ == State::closing) return;
    if (state_ == State::handshake) {
        return lose(base::Error(base::ExitCode::done, "the connection was ended"));
    }
    state_ = State::closing;
    began_ = loop_.now();
    tls_.end();
    pass_on();
}

void Connection::pass_on() {
    if (!inside_) pass_on_at_once();
}

void Connection::pass_on_at_once() {
    if (!alive()) return;
    const base::Result<bool> flushed = tls_.flush();
    if (!flushed.ok()) return lose(flushed.error());
    if (!inside_) watch();
}

void Connection::settle() {
    if (can_offer_room()) {
        inside_ = true;
        offer_room();
        inside_ = false;
    }
    if (alive()) {
        const base::Result<bool> flushed = tls_.flush();
        if (!flushed.ok()) {
            lose(flushed.error());
        } else if (state_ == State::closing && flushed.value()) {
            lose(base::Error(base::ExitCode::done, "the connection was ended"));
        }
    }
    if (fate_.has_value()) return tell_fate();
    if (alive()) watch();
}

void Connection::watch() {
    int events = tls_.pending() < kOutputPause ? loop::Poll::kReadable : 0;
    if (tls_.pending() > 0) events |= loop::Poll::kWritable;
    poll_->watch(events);
    const bool held_input = state_ != State::handshake && tls_.has_input();
    const bool ending = state_ == State::closing && tls_.pending() == 0;
    if ((held_input && tls_.pending() < kOutputPause) || can_offer_room() || ending) {
        turn_->start();
    }
}

bool Connection::can_offer_room() const {
    if (state_ != State::open || tls_.pending() >= kOutputLimit) return false;
    return std::ranges::any_of(streams_, [](const auto& entry) {
        return entry.second->wants_room_ && entry.second->send_credit_ > 0;
    });
}

void Connection::tell_fate() {
    const base::Error fate = std::move(*fate_);
    fate_.reset();
    turn_->stop();
    inside_ = true;
    while (!streams_.empty()) {
        Stream& stream = *streams_.begin()->second;
        forget(stream);
        stream.user_->on_lost(fate);
    }
    owner_.on_lost(fate);  // may destroy this
}

void Connection::lose(const base::Error& error) {
    if (!alive()) return;
    state_ = State::lost;
    fate_ = error;
    poll_->watch(0);
    tick_->stop();
    turn_->start();  // it is told from the loop
}

void Connection::ping(std::function<void(std::chrono::nanoseconds)> answered) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto stamp = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
    std::byte bytes[8];
    base::store_be(std::span(bytes), stamp);
    pings_.emplace_back(stamp, std::move(answered));
    send(Kind::ping, 0, 0, bytes);
    pass_on();
}

}  // namespace pipeline
