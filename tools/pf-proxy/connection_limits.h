// How many connections may be there and how fast they may come. Pure: time comes in.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace pf_proxy {

struct Limits {
    std::size_t connections = 0;            // at once, of all workers together
    std::size_t per_peer = 0;               // at once, of one address or CID; 0: as many as of all
    std::uint64_t per_second = 0;           // new ones; 0: any
    std::chrono::milliseconds idle{};       // without a byte either way; 0: for ever
    std::chrono::milliseconds flow_idle{};  // of UDP, at the near side; a far side waits longer
    std::chrono::milliseconds connect{};
    std::chrono::milliseconds header{};  // from a header's first byte to its last
};

// Tokens that come back at a steady rate. A second's worth may be spent at once.
class RateLimit {
  public:
    explicit RateLimit(std::uint64_t per_second) : per_second_(per_second) {}

    // How long until one more may come; 0 when it may now.
    std::chrono::milliseconds wait(std::chrono::milliseconds now);
    // One has come.
    void spend();

  private:
    void refill(std::chrono::milliseconds now);

    std::uint64_t per_second_;
    std::chrono::milliseconds last_{};
    std::uint64_t thousandths_ = 0;  // of a token
    bool started_ = false;
};

// Connections of each peer.
class PeerLimit {
  public:
    explicit PeerLimit(std::size_t most) : most_(most) {}

    // False when the peer has as many as it may.
    bool enter(std::string_view peer);
    void leave(std::string_view peer);
    std::size_t peers() const { return counts_.size(); }

  private:
    std::size_t most_;  // 0: no limit, and nothing is counted
    std::unordered_map<std::string, std::size_t> counts_;
};

}  // namespace pf_proxy
