// A local socket and a stream that this side has opened for it: what `forward -L` makes of a
// connection here, and `forward --remote` of one there.
#pragma once

#include <functional>
#include <memory>

#include "bridge.h"

namespace pipeline {

class JoinedSocket : public StreamUser {
  public:
    // Called once; the object is destroyed later.
    using Over = std::function<void(JoinedSocket&)>;

    // Opens a stream with `request` and joins it to the two descriptors.
    static base::Result<std::unique_ptr<JoinedSocket>> open(loop::Loop& loop,
                                                            Connection& connection,
                                                            const proto::pipeline::Payload& request,
                                                            base::Fd input, base::Fd output,
                                                            Over over);

    void on_data(std::uint8_t, std::span<const std::byte> bytes) override;
    void on_end(std::uint8_t) override;
    void on_room() override;
    void on_status(const proto::pipeline::Fields& fields) override;
    void on_lost(const base::Error& error) override;

    // Why the other side could not join it, if it could not.
    const std::optional<base::Error>& failure() const { return failure_; }
    bool over() const { return over_ == nullptr; }

  private:
    explicit JoinedSocket(Over over) : over_(std::move(over)) {}
    void finish();

    Over over_;
    std::unique_ptr<Stream> stream_;
    std::unique_ptr<Bridge> bridge_;
    std::optional<base::Error> failure_;
    bool status_seen_ = false;
    bool drained_ = false;
};

}  // namespace pipeline
