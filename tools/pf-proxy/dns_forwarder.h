// Asking a nameserver on the other side: an interface, and the one way there is, DNS over a stream
// (RFC 7766) that somebody else opens: through the far side of pf-proxy, or straight by TCP.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "loop/loop.h"
#include "vsockio/ip_address.h"

namespace pf_proxy {

class Forwarder {
  public:
    using Done = std::function<void(base::Result<std::vector<std::byte>>)>;

    // Waiting for an answer; destroying it cancels.
    class Exchange {
      public:
        virtual ~Exchange() = default;
    };

    virtual ~Forwarder() = default;

    // `query` is a whole message, at least a header. `done` is called once, from the loop and never
    // from here, with an answer that has the query's id and may hold anything else; it may destroy
    // the Exchange and the Forwarder.
    virtual std::unique_ptr<Exchange> ask(std::vector<std::byte> query, Done done) = 0;
};

// A stream that is being opened; destroying it cancels.
class Opening {
  public:
    virtual ~Opening() = default;
};
using Opened = std::function<void(base::Result<base::Fd>)>;
// Starts to open a stream to a nameserver. Opened is called once, from the loop, with a connected
// non-blocking descriptor behind which nothing but DNS is said, or with why there is none.
using NameserverOpener = std::function<base::Result<std::unique_ptr<Opening>>(Opened)>;

// Straight to a nameserver, for a side that can reach it.
NameserverOpener open_directly(loop::Loop& loop, const vsockio::IpEndpoint& nameserver,
                               std::chrono::milliseconds timeout);

struct StreamForwarderSettings {
    std::chrono::milliseconds limit{8000};    // of an exchange, all its tries together
    std::chrono::milliseconds silence{3000};  // on a stream with questions, then it is given up
    std::chrono::milliseconds idle{10'000};   // without questions, then the stream is closed
    std::size_t maximum_exchanges = 512;      // at once; more are refused with EAGAIN
};

// One stream at a time for all questions. One that cannot be opened, ends or is silent is followed
// by one from the next opener, and its questions are asked there once more.
base::Result<std::unique_ptr<Forwarder>> make_stream_forwarder(
    loop::Loop& loop, std::vector<NameserverOpener> openers, StreamForwarderSettings settings);

}  // namespace pf_proxy
