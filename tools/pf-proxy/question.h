// One request on a stream to the far side, until its status has come (pf-proxy-wire(5)).
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "destination.h"
#include "header_reader.h"
#include "loop/loop.h"
#include "proto/pf_proxy.h"

namespace pf_proxy {

class Question {
  public:
    struct Answer {
        std::unique_ptr<loop::Edge> stream;  // tells nobody
        proto::pf_proxy::Status status;
        // The stream ended before a byte of a status: one that was opened beforehand may just have
        // been closed, so that it is right to ask again on a new one.
        bool silent = false;
    };
    // Called once, from the loop; may destroy the question.
    using Done = std::function<void(Answer)>;

    // Nothing has been sent on `stream`.
    static base::Result<std::unique_ptr<Question>> start(loop::Loop& loop,
                                                         std::unique_ptr<loop::Edge> stream,
                                                         const Destination& destination,
                                                         std::chrono::milliseconds limit,
                                                         Done done);

  private:
    Question(std::unique_ptr<loop::Edge> stream, Done done)
        : stream_(std::move(stream)), done_(std::move(done)) {}
    void heard(HeaderReader::Ending ending, std::span<const std::byte> bytes);

    std::unique_ptr<loop::Edge> stream_;
    Done done_;
    std::unique_ptr<HeaderReader> reader_;
};

}  // namespace pf_proxy
