// The copy engines in a loop.
#include "copy_stream.h"

namespace pipeline {

using base::Result;

namespace {

// Frames in one turn of the loop before others have theirs.
constexpr int kFramesPerTurn = 8;
// A receiver keeps up with its sender, so it gives more credit than the initial window: while it
// writes and hashes one piece, the next is under way.
constexpr std::uint32_t kMoreCredit = 768 * 1024;

// Descriptors that are always ready have no Poll.
Result<std::optional<loop::Poll>> poll_if_possible(loop::Loop& loop, int fd,
                                                   const loop::Poll::Callback& ready) {
    if (fd < 0) return std::optional<loop::Poll>();
    Result<loop::Poll> poll = loop::Poll::create(loop, fd, ready);
    if (poll.ok()) return std::optional(std::move(poll).value());
    if (poll.error().errno_value == EPERM) return std::optional<loop::Poll>();
    return std::move(poll).error();
}

}  // namespace

Result<std::unique_ptr<SendingCopy>> SendingCopy::create(loop::Loop& loop, Stream& stream,
                                                         CopySource source,
                                                         const SendOptions& options,
                                                         std::function<void()> over) {
    std::unique_ptr<SendingCopy> copy(new SendingCopy(stream, std::move(over)));
    SendingCopy& self = *copy;
    const auto ready = [&self](int) {
        self.input_->watch(0);
        self.advance();
    };
    copy->input_ = TRY(poll_if_possible(loop, source.stream ? source.fd.get() : -1, ready));
    copy->turn_ = TRY(loop::Idle::create(loop, [&self] { self.advance(); }));
    copy->sender_ = std::make_unique<CopySender>(std::move(source), options);
    copy->turn_->start();
    return copy;
}

void SendingCopy::on_data(std::span<const std::byte> bytes) {
    if (over_ == nullptr) return;
    sender_->take_answers(bytes);
    stream_.consumed(bytes.size());
    turn_->start();
}

void SendingCopy::advance() {
    if (over_ == nullptr) return;
    turn_->stop();
    const std::uint64_t most = sender_->progress().bytes + proto::copy::kMaximumHole;
    for (int frame = 0; frame < kFramesPerTurn && sender_->progress().bytes < most; ++frame) {
        const std::span<std::byte> room = stream_.prepare();
        if (room.empty()) return;  // on_room() follows
        const CopySender::Filled filled = sender_->fill(room);
        stream_.commit(0, filled.bytes);
        if (moved) moved();
        switch (filled.state) {
            case CopySender::State::more: break;
            case CopySender::State::waiting_answer: return;  // on_data() follows
            case CopySender::State::waiting_input:
                if (input_.has_value()) return input_->watch(loop::Poll::kReadable);
                break;
            case CopySender::State::done:
            case CopySender::State::failed: return finish();
        }
    }
    turn_->start();
}

void SendingCopy::conclude() {
    if (over_ == nullptr) return;
    std::byte nowhere[8192];
    const CopySender::State state = sender_->fill(nowhere).state;
    if (state == CopySender::State::done || state == CopySender::State::failed) finish();
}

void SendingCopy::finish() {
    turn_->stop();
    const std::function<void()> over = std::move(over_);
    over_ = nullptr;
    over();
}

Result<std::unique_ptr<ReceivingCopy>> ReceivingCopy::create(loop::Loop& loop, Stream& stream,
                                                             CopyTarget target,
                                                             const ReceiveOptions& options,
                                                             std::function<void()> over) {
    std::unique_ptr<ReceivingCopy> copy(new ReceivingCopy(stream, std::move(over)));
    ReceivingCopy& self = *copy;
    const auto ready = [&self](int) {
        self.output_->watch(0);
        self.advance();
    };
    copy->output_ = TRY(poll_if_possible(loop, target.sink, ready));
    copy->turn_ = TRY(loop::Idle::create(loop, [&self] { self.advance(); }));
    copy->receiver_ = std::make_unique<CopyReceiver>(std::move(target), options);
    stream.widen(kMoreCredit);
    return copy;
}

void ReceivingCopy::on_data(std::span<const std::byte> bytes) {
    if (over_ == nullptr) return;
    // A hole is a few bytes and may take long to hash: the loop has its turn before the next.
    if (pending_.empty() && state_ != CopyReceiver::State::again) {
        bytes = bytes.subspan(take(bytes));
    }
    if (over_ == nullptr || bytes.empty()) return;
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
}

void ReceivingCopy::advance() {
    if (over_ == nullptr) return;
    turn_->stop();
    const std::size_t done = take(pending_);
    if (over_ == nullptr) return;
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(done));
}

std::size_t ReceivingCopy::take(std::span<const std::byte> bytes) {
    using State = CopyReceiver::State;
    const std::size_t whole = bytes.size();
    if (state_ != State::done && state_ != State::failed) {
        const CopyReceiver::Taken taken = receiver_->take(bytes);
        state_ = taken.state;
        bytes = bytes.subspan(taken.bytes);
        stream_.consumed(taken.bytes);
        if (moved) moved();
    }
    const bool sent = send_answers();
    const std::size_t used = whole - bytes.size();
    switch (state_) {
        case State::more: break;
        case State::again: turn_->start(); break;
        case State::waiting_answers:
            if (sent) turn_->start();
            break;
        case State::waiting_output:
            if (output_.has_value()) {
                output_->watch(loop::Poll::kWritable);
            } else {
                turn_->start();
            }
            break;
        case State::done:
        case State::failed:
            if (sent) finish();
            break;
    }
    return used;
}

void ReceivingCopy::conclude() {
    // The last answer has gone out, so there is nothing that waits for bytes.
    while (over_ != nullptr && state_ == CopyReceiver::State::again)
        advance();
}

// False when some are left; on_room() follows.
bool ReceivingCopy::send_answers() {
    for (auto answers = receiver_->answers(); !answers.empty(); answers = receiver_->answers()) {
        const std::span<std::byte> room = stream_.prepare();
        if (room.empty()) return false;
        const std::size_t size = std::min(room.size(), answers.size());
        std::copy_n(answers.begin(), size, room.begin());
        stream_.commit(0, size);
        receiver_->answered(size);
    }
    return true;
}

void ReceivingCopy::finish() {
    turn_->stop();
    const std::function<void()> over = std::move(over_);
    over_ = nullptr;
    over();
}

}  // namespace pipeline
