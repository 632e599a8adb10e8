// Streams to the far side that are opened before anybody asks, so that a connection waits for one
// round trip less. One that the far side closes, or that gets old, is replaced.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "loop/edge.h"
#include "loop/loop.h"
#include "vsockio/address.h"
#include "vsockio/connector.h"

namespace pf_proxy {

class StreamPool {
  public:
    static base::Result<std::unique_ptr<StreamPool>> create(
        loop::Loop& loop, const vsockio::Address& far, std::size_t size,
        std::chrono::milliseconds connect_limit);
    // The freshest stream, which tells nobody, or nothing when there is none.
    std::unique_ptr<loop::Edge> take();

  private:
    struct Stream {
        Stream(StreamPool& pool, std::unique_ptr<loop::Edge> connected);
        loop::Turn turn;  // readable: closed, or not what we asked for
        std::unique_ptr<loop::Edge> edge;
        std::chrono::milliseconds opened;
    };

    StreamPool(loop::Loop& loop, const vsockio::Address& far, std::size_t size,
               std::chrono::milliseconds connect_limit)
        : loop_(loop), far_(far), size_(size), connect_limit_(connect_limit) {}
    void fill();
    void connected(base::Result<std::unique_ptr<loop::Edge>> edge);
    void look(const Stream& stream);
    void drop_old();

    loop::Loop& loop_;
    vsockio::Address far_;
    std::size_t size_;
    std::chrono::milliseconds connect_limit_;
    std::chrono::milliseconds pause_{};  // after a failure; 0 when the last one went well
    std::vector<std::unique_ptr<Stream>> streams_;   // oldest first
    std::unique_ptr<vsockio::Connector> connector_;  // at most one at a time
    std::optional<loop::Timer> again_;
    std::optional<loop::Timer> age_;
};

}  // namespace pf_proxy
