// A stream joined to a socket, both ways, with half-close: what port forwarding is made of on
// either side. One side of the stream serves it and has the last word; the other opened it.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/fd.h"
#include "connection.h"
#include "loop/loop.h"
#include "stream_ends.h"

namespace pipeline {

class Bridge {
  public:
    // Called once, when both ways have ended or one failed; may destroy the Bridge.
    using Finished = std::function<void(std::optional<base::Error>)>;

    // The stream is borrowed; its user passes on what it hears. `input` and `output` may be the
    // two standard streams, or one socket twice (base::duplicate).
    static base::Result<std::unique_ptr<Bridge>> create(loop::Loop& loop, base::Fd input,
                                                        base::Fd output, Stream& stream,
                                                        Finished finished);
    void on_data(std::span<const std::byte> bytes) { sink_->take(bytes); }
    void on_end() { sink_->end(); }
    void on_room() {
        if (source_ != nullptr) source_->on_room();
    }
    // The stream is over: what it brought is still written, nothing more is read.
    void drain();
    std::uint64_t bytes() const { return bytes_; }

  private:
    explicit Bridge(Stream& stream, Finished finished)
        : stream_(stream), finished_(std::move(finished)) {}
    void input_ended(std::optional<base::Error> error);
    void output_closed(std::optional<base::Error> error);
    void finish(std::optional<base::Error> error);

    Stream& stream_;
    Finished finished_;
    std::unique_ptr<StreamSource> source_;
    std::unique_ptr<StreamSink> sink_;
    bool input_over_ = false;
    bool output_over_ = false;
    std::uint64_t bytes_ = 0;
};

}  // namespace pipeline
