// Answers every HTTP request on its listener with the counters. No HTTP server: it reads a request
// up to its empty line, looks at nothing in it, answers once and closes.
#pragma once

#include <memory>
#include <span>
#include <unordered_map>

#include "acceptor.h"
#include "loop/loop.h"
#include "metrics.h"
#include "vsockio/listen.h"

namespace pf_proxy {

class MetricsServer {
  public:
    static base::Result<std::unique_ptr<MetricsServer>> create(loop::Loop& loop,
                                                               vsockio::Listener listener,
                                                               std::span<const Metrics> metrics);
    ~MetricsServer();

  private:
    struct Reader;

    MetricsServer(loop::Loop& loop, std::span<const Metrics> metrics);
    void accepted(vsockio::Connection connection);
    void ready(Reader& reader);

    loop::Loop& loop_;
    std::span<const Metrics> metrics_;
    std::unique_ptr<Acceptor> acceptor_;
    std::unordered_map<const Reader*, std::unique_ptr<Reader>> readers_;
};

}  // namespace pf_proxy
