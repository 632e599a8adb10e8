// What the stub of --dns does with a query, whatever it came by: answers it by itself or from its
// cache, or asks a Forwarder and gives back what the policy lets through. Has no sockets.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "dns_forwarder.h"
#include "dns_judgement.h"
#include "expiring_cache.h"
#include "loop/loop.h"
#include "metrics.h"
#include "pins.h"

namespace pf_proxy {

struct DnsResponderSettings {
    std::size_t maximum_pending = 256;   // different questions on their way
    std::size_t maximum_waiting = 2048;  // queries for them
    std::size_t maximum_cached = 4096;   // answers
};

class DnsResponder {
  public:
    // Called whenever an answer names an address that a connection may be to: before the answer
    // goes out, with the end of the pin on the loop's clock.
    using Pinned = std::function<void(const std::string& name, const vsockio::IpAddress& address,
                                      Pins::Time until)>;
    using Refused = std::function<void(const std::string& name, const std::string& reason)>;
    using Send = std::function<void(std::span<const std::byte> answer)>;

    // Metrics and pins must outlive it.
    DnsResponder(loop::Loop& loop, DnsResponderSettings settings, Metrics& metrics,
                 std::unique_ptr<Forwarder> forwarder, std::shared_ptr<const policy::Policy> policy,
                 Pins& pins);
    DnsResponder(const DnsResponder&) = delete;
    DnsResponder& operator=(const DnsResponder&) = delete;

    // For what is answered from now on, from the cache too.
    void set_policy(std::shared_ptr<const policy::Policy> policy) { policy_ = std::move(policy); }
    void on_pinned(Pinned pinned) { pinned_ = std::move(pinned); }
    void on_refused(Refused refused) { refused_ = std::move(refused); }

    enum class Way : std::uint8_t { datagram, stream };
    // Calls `send` once, at once or later, or never for what gets no answer. False then.
    bool respond(std::span<const std::byte> message, Way way, Send send);

  private:
    struct Client {
        dns::Query query;
        std::size_t maximum_bytes = 0;  // of its answer
        Send send;
    };
    // What has to be alike for an answer to do for both: the question, DO and CD.
    using Key = std::tuple<dns::Question, bool, bool, bool>;
    struct Pending {
        std::vector<Client> clients;
        std::unique_ptr<Forwarder::Exchange> exchange;
    };

    bool answer_from_cache(const Client& client);
    void forward(Client client);
    void arrived(const Key& key, const base::Result<std::vector<std::byte>>& message);
    void answer_all(std::span<const Client> clients, const dns::Answer& answer,
                    std::span<const std::byte> message);
    void answer_addresses(const Client& client, const FoundAddresses& found,
                          std::chrono::seconds ttl, std::span<const std::byte> message);
    void fail(const Client& client, const std::string& why);
    void note_refused(const Client& client, const Judged& judged);

    loop::Loop& loop_;
    DnsResponderSettings settings_;
    std::shared_ptr<const policy::Policy> policy_;
    Pins& pins_;
    Pinned pinned_;
    Refused refused_;
    Metrics& metrics_;
    ExpiringCache<dns::Question, FoundAddresses> cache_;
    std::map<Key, Pending> pending_;
    std::size_t waiting_ = 0;
    std::unique_ptr<Forwarder> forwarder_;
};

}  // namespace pf_proxy
