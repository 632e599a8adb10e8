// A nameserver for tests, on the loop of the test: UDP and TCP on one port of the loopback, with a
// function for answers, which may be lies, several, or none.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "dns/message.h"
#include "loop/loop.h"

namespace pf_proxy_test {

using Message = std::vector<std::byte>;
using Messages = std::vector<Message>;

class DnsServer {
  public:
    struct Asked {
        dns::Query query;
        bool tcp = false;
    };
    // The messages to send back, in order.
    using Answerer = std::function<Messages(const Asked&)>;

    DnsServer(loop::Loop& loop, Answerer answerer);

    vsockio::IpEndpoint endpoint() const { return endpoint_; }
    const std::vector<Asked>& asked() const { return asked_; }
    std::size_t accepted() const { return accepted_; }
    std::size_t open_streams() const { return streams_.size(); }
    void close_streams();

  private:
    struct Stream {
        base::Fd fd;
        std::optional<loop::Poll> poll;
        Message input;
    };
    void read_datagram();
    void accept();
    void read_stream(int fd);
    Messages answer(std::span<const std::byte> message, bool tcp);

    loop::Loop& loop_;
    Answerer answerer_;
    vsockio::IpEndpoint endpoint_;
    base::Fd udp_;
    base::Fd tcp_;
    std::optional<loop::Poll> udp_poll_;
    std::optional<loop::Poll> tcp_poll_;
    std::map<int, Stream> streams_;
    std::vector<Asked> asked_;
    std::size_t accepted_ = 0;
};

// An answer with these addresses for the question's name.
Message with_addresses(const dns::Query& query, const std::vector<vsockio::IpAddress>& addresses,
                       std::uint32_t ttl = 60, std::size_t maximum_bytes = 65'535);
Message with_records(const dns::Query& query, std::vector<dns::Record> records);
Message with_code(const dns::Query& query, dns::Rcode rcode);

// The message as it stands on a stream, behind its length.
Message framed(const Message& message);

// Runs the loop until `done` says so; false after ten seconds.
bool run_until(loop::Loop& loop, const std::function<bool()>& done);

}  // namespace pf_proxy_test
