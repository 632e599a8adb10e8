// Where a stream meets a descriptor: a source reads into it, a sink writes what came out of it.
// Both wait for nobody: a source stops at the stream's room, a sink holds at most a window.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "connection.h"
#include "loop/loop.h"

namespace pipeline {

// Reads a descriptor into one channel of a stream.
class StreamSource {
  public:
    // Called once, when the descriptor has ended (nothing) or failed; the channel is not ended by
    // the source. May destroy it.
    using Ended = std::function<void(std::optional<base::Error>)>;

    static constexpr std::uint64_t kNoLimit = UINT64_MAX;
    // `fd` is non-blocking, or a regular file. The stream is borrowed. More than `limit` bytes are
    // an Error (refused).
    static base::Result<std::unique_ptr<StreamSource>> create(loop::Loop& loop, base::Fd fd,
                                                              Stream& stream, std::uint8_t channel,
                                                              Ended ended,
                                                              std::uint64_t limit = kNoLimit);
    // Tell it when the stream has room again.
    void on_room();
    // Reads what there is now and no more; for a pipe that others may hold open. `ended` follows,
    // at once or when the stream has taken the rest.
    void finish();
    std::uint64_t bytes() const { return bytes_; }

  private:
    StreamSource(loop::Loop& loop, base::Fd fd, Stream& stream, std::uint8_t channel, Ended ended,
                 std::uint64_t limit);
    base::Result<void> start();
    void advance();
    void wait();
    void over(std::optional<base::Error> error);

    loop::Loop& loop_;
    base::Fd fd_;
    Stream& stream_;
    std::uint8_t channel_;
    Ended ended_;
    std::optional<loop::Poll> poll_;  // empty for what is always ready
    std::optional<loop::Idle> turn_;
    bool finishing_ = false;
    bool over_ = false;
    std::uint64_t limit_;
    std::uint64_t bytes_ = 0;
};

// Writes what a stream brought to a descriptor.
class StreamSink {
  public:
    // Called once when all is written after end(), or when the descriptor takes no more (an Error);
    // what comes later is consumed and dropped. May destroy the sink.
    using Closed = std::function<void(std::optional<base::Error>)>;

    // `fd` is non-blocking, or a regular file. It is closed at the end, or for a socket its sending
    // half is. The stream is borrowed.
    static base::Result<std::unique_ptr<StreamSink>> create(loop::Loop& loop, base::Fd fd,
                                                            Stream& stream, Closed closed);
    void take(std::span<const std::byte> bytes);
    // Nothing more comes.
    void end();
    bool empty() const { return pending_.empty(); }

  private:
    StreamSink(loop::Loop& loop, base::Fd fd, Stream& stream, Closed closed);
    base::Result<void> start();
    void advance();
    // Bytes that the descriptor took; nothing when it failed.
    std::optional<std::size_t> write_some(std::span<const std::byte> bytes);
    void close(std::optional<base::Error> error);

    loop::Loop& loop_;
    base::Fd fd_;
    Stream& stream_;
    Closed closed_;
    std::optional<loop::Poll> poll_;
    std::vector<std::byte> pending_;
    bool ending_ = false;
    bool closed_already_ = false;
};

}  // namespace pipeline
