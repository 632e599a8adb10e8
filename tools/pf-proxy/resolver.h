// Names to addresses from within the loop, for whoever connects: c-ares underneath, with a cache,
// a deadline and a limit of questions. Judges nothing: ask policy::Policy about the name before,
// and about each address after; then connect to an address and never to the name.
//
// A name is looked up as it is, without search domains: what is asked is what was judged.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "loop/loop.h"
#include "vsockio/ip_address.h"

namespace pf_proxy {

enum class Family : std::uint8_t { any, v4, v6 };
// fresh: nothing that was asked for longer ago than ResolverSettings::fresh.
enum class Freshness : std::uint8_t { remembered, fresh };

struct ResolverSettings {
    std::vector<vsockio::IpEndpoint> nameservers;  // empty for those of resolv.conf(5)
    std::string hosts_file = "/etc/hosts";         // read before anybody is asked; empty for none
    std::chrono::milliseconds try_timeout{1500};   // of one question to one server; doubles
    int tries = 3;                                 // for each server
    std::chrono::milliseconds limit{8000};         // of a lookup, all tries together
    std::chrono::milliseconds fresh{1000};         // a name is not asked for more often
    std::size_t maximum_lookups = 256;             // different questions at once
    std::size_t maximum_waiting = 4096;            // queries at once, of all questions
    std::size_t maximum_cached = 1024;             // answers
};

class Resolver {
  public:
    struct Answer {
        std::vector<vsockio::IpAddress> addresses;  // 1 to 256 different ones, best first; unmapped
        std::chrono::seconds ttl{};                 // left of it; 1 to 300
    };
    using Done = std::function<void(base::Result<Answer>)>;

    // Waiting for an answer; destroying it cancels.
    class Query {
      public:
        virtual ~Query() = default;
    };

    static base::Result<std::unique_ptr<Resolver>> create(loop::Loop& loop,
                                                          ResolverSettings settings);
    virtual ~Resolver() = default;

    // `done` is called once, from the loop and never from here; it may destroy the Query and the
    // Resolver. An address in its usual spelling is its own answer. Errors have the errno that
    // whoever wants to connect is to see: EHOSTUNREACH for a name without an address (remembered
    // for 5 s) or a server that fails, ETIMEDOUT, EAGAIN for a limit of ours, EINVAL for no name.
    virtual std::unique_ptr<Query> resolve(std::string_view name, Family family,
                                           Freshness freshness, Done done) = 0;

    // Whether the address was answered for the name (as policy::parse_host() spells it) within the
    // time for which a near side may remember such an answer (pins.h).
    virtual bool has_had(const std::string& name, const vsockio::IpAddress& address) = 0;
};

}  // namespace pf_proxy
