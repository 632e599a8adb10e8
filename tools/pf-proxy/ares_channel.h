// c-ares on our loop: lookups of addresses by DNS alone, with no hosts file, cache or limit of
// number; those are the Resolver's.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "loop/loop.h"
#include "vsockio/ip_address.h"

struct ares_channeldata;
struct ares_addrinfo;

namespace pf_proxy {

class AresChannel {
  public:
    struct Settings {
        std::vector<vsockio::IpEndpoint> nameservers;  // empty for those of resolv.conf(5)
        std::chrono::milliseconds try_timeout{};
        int tries = 0;
    };
    struct Found {
        int status = 0;                             // of ares.h
        std::vector<vsockio::IpAddress> addresses;  // best first, unmapped
        std::chrono::seconds ttl{};                 // the shortest of the answer
    };
    // May be called from lookup() already. Must not destroy the channel.
    using Done = std::function<void(Found)>;

    static base::Result<std::unique_ptr<AresChannel>> create(loop::Loop& loop, Settings settings);
    AresChannel(const AresChannel&) = delete;
    AresChannel& operator=(const AresChannel&) = delete;
    ~AresChannel();  // calls no `done` any more

    // `name` is looked up as it is; `family` is AF_UNSPEC, AF_INET or AF_INET6.
    void lookup(const std::string& name, int family, Done done);

    static bool is_absent(int status);  // there is no such name, or it has no address
    static bool is_timeout(int status);
    static std::string describe(int status);

  private:
    struct Request;
    explicit AresChannel(loop::Loop& loop) : loop_(loop) {}
    base::Result<void> open(const Settings& settings);
    void watch(int fd, bool readable, bool writable);
    void process(int readable_fd, int writable_fd);
    void arm();
    static void finished(void* request, int status, int timeouts, ares_addrinfo* found);

    loop::Loop& loop_;
    ares_channeldata* channel_ = nullptr;
    std::map<int, loop::Poll> polls_;
    std::optional<loop::Timer> tick_;
    bool closing_ = false;
};

}  // namespace pf_proxy
