// A stream and a socket.
#include "bridge.h"

namespace pipeline {

base::Result<std::unique_ptr<Bridge>> Bridge::create(loop::Loop& loop, base::Fd input,
                                                     base::Fd output, Stream& stream,
                                                     Finished finished) {
    std::unique_ptr<Bridge> bridge(new Bridge(stream, std::move(finished)));
    Bridge& self = *bridge;
    bridge->sink_ = TRY(StreamSink::create(loop, std::move(output), stream, [&self](auto error) {
        self.output_closed(std::move(error));
    }));
    bridge->source_ =
        TRY(StreamSource::create(loop, std::move(input), stream, 0,
                                 [&self](auto error) { self.input_ended(std::move(error)); }));
    return bridge;
}

void Bridge::drain() {
    if (!input_over_) bytes_ = source_->bytes();
    source_.reset();
    input_over_ = true;
    if (output_over_) return finish({});
    sink_->end();
}

void Bridge::input_ended(std::optional<base::Error> error) {
    bytes_ = source_->bytes();
    input_over_ = true;
    if (error.has_value()) return finish(std::move(error));
    stream_.end();
    if (output_over_) finish({});
}

void Bridge::output_closed(std::optional<base::Error> error) {
    output_over_ = true;
    if (error.has_value()) return finish(std::move(error));
    if (input_over_) finish({});
}

void Bridge::finish(std::optional<base::Error> error) {
    if (finished_ == nullptr) return;
    const Finished finished = std::move(finished_);
    finished_ = nullptr;
    finished(std::move(error));  // may destroy this
}

}  // namespace pipeline
