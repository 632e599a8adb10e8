// Messages of DNS on a stream, each behind its length in two bytes (RFC 1035 4.2.2), for the side
// that asks and the side that answers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "loop/loop.h"

namespace pf_proxy {

class DnsStream {
  public:
    // Both may destroy the stream.
    using Arrived = std::function<void(std::span<const std::byte> message)>;
    // The peer says no more, or the stream broke. Called once; what is still to be sent is sent on
    // unless it broke.
    using Ended = std::function<void(bool broke)>;

    static constexpr std::size_t kMaximumUnsent = 1u << 20;  // bytes that wait for the peer

    // `fd` is connected and non-blocking.
    static base::Result<std::unique_ptr<DnsStream>> create(loop::Loop& loop, base::Fd fd,
                                                           Arrived arrived, Ended ended);

    // False when the stream broke, or too much waits already. Calls nothing back.
    bool send(std::span<const std::byte> message);
    // No message arrives while reading is off; one that was read already arrives when it is on.
    void read(bool on);
    std::size_t unsent_bytes() const { return output_.size() - sent_; }
    std::size_t unread_bytes() const {
        return input_.size() - used_;
    }  // arrived and not handed over

  private:
    DnsStream(base::Fd fd, Arrived arrived, Ended ended)
        : fd_(std::move(fd)), arrived_(std::move(arrived)), ended_(std::move(ended)) {}
    void ready(int events);
    bool flush();
    void receive();
    void hand_over();
    void end(bool broke);
    void watch();

    base::Fd fd_;
    Arrived arrived_;
    Ended ended_;
    std::optional<loop::Poll> poll_;
    std::optional<loop::Timer> resume_;
    std::vector<std::byte> input_;
    std::vector<std::byte> output_;
    std::size_t used_ = 0;  // of input_: handed over
    std::size_t sent_ = 0;  // of output_
    bool reading_ = true;
    bool input_over_ = false;
    bool broken_ = false;
    std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace pf_proxy
