// The copy engines joined to a stream: records one way, answers the other. The same on the client
// and on the server; who sends and who receives depends on the operation.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "connection.h"
#include "copy_receive.h"
#include "copy_send.h"
#include "loop/loop.h"

namespace pipeline {

class SendingCopy {
  public:
    // `over` is called once, when the receiver has answered or the transfer failed. The stream is
    // borrowed; its user passes on what it hears.
    static base::Result<std::unique_ptr<SendingCopy>> create(loop::Loop& loop, Stream& stream,
                                                             CopySource source,
                                                             const SendOptions& options,
                                                             std::function<void()> over);
    void on_data(std::span<const std::byte> bytes);
    void on_room() { advance(); }
    // The stream is over: what the receiver said last still counts.
    void conclude();
    CopySender& engine() { return *sender_; }
    // After each piece, for progress.
    std::function<void()> moved;

  private:
    SendingCopy(Stream& stream, std::function<void()> over)
        : stream_(stream), over_(std::move(over)) {}
    void advance();
    void finish();

    Stream& stream_;
    std::function<void()> over_;
    std::unique_ptr<CopySender> sender_;
    std::optional<loop::Idle> turn_;
    std::optional<loop::Poll> input_;  // of a source that is a pipe
};

class ReceivingCopy {
  public:
    // `over` is called once, when the last answer has gone out or the transfer failed.
    static base::Result<std::unique_ptr<ReceivingCopy>> create(loop::Loop& loop, Stream& stream,
                                                               CopyTarget target,
                                                               const ReceiveOptions& options,
                                                               std::function<void()> over);
    void on_data(std::span<const std::byte> bytes);
    void on_room() { advance(); }
    // The stream is over: what is left to do here is done.
    void conclude();
    CopyReceiver& engine() { return *receiver_; }
    std::function<void()> moved;

  private:
    ReceivingCopy(Stream& stream, std::function<void()> over)
        : stream_(stream), over_(std::move(over)) {}
    void advance();
    // Takes bytes into the engine; how many are done with.
    std::size_t take(std::span<const std::byte> bytes);
    bool send_answers();
    void finish();

    Stream& stream_;
    std::function<void()> over_;
    std::unique_ptr<CopyReceiver> receiver_;
    std::vector<std::byte> pending_;  // at most what credit allows
    std::optional<loop::Idle> turn_;
    std::optional<loop::Poll> output_;  // of a sink that is a pipe
    CopyReceiver::State state_ = CopyReceiver::State::more;
};

}  // namespace pipeline
