// Readiness, time and results between c-ares and the loop.
#include "ares_channel.h"

#include <ares.h>
#include <sys/time.h>

#include <algorithm>

#include "base/format.h"

namespace pf_proxy {

using base::Error;
using base::ExitCode;
using base::Result;
using vsockio::IpAddress;

namespace {

constexpr int kUdpBytes = 1232;  // no fragments on common paths

std::optional<IpAddress> address_of(const sockaddr* native) {
    IpAddress address;
    if (native->sa_family == AF_INET) {
        address.is_v4 = true;
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(native);
        std::ranges::copy(std::as_bytes(std::span(&v4->sin_addr, 1)), address.bytes.begin());
    } else if (native->sa_family == AF_INET6) {
        const auto* v6 = reinterpret_cast<const sockaddr_in6*>(native);
        std::ranges::copy(std::as_bytes(std::span(&v6->sin6_addr, 1)), address.bytes.begin());
    } else {
        return std::nullopt;
    }
    return address.unmapped();
}

AresChannel::Found copy_of(int status, const ares_addrinfo* found) {
    AresChannel::Found result;
    result.status = status;
    if (status != ARES_SUCCESS || found == nullptr) return result;
    int ttl = INT32_MAX;
    for (const ares_addrinfo_cname* alias = found->cnames; alias != nullptr; alias = alias->next) {
        ttl = std::min(ttl, alias->ttl);
    }
    for (const ares_addrinfo_node* node = found->nodes; node != nullptr; node = node->ai_next) {
        const std::optional<IpAddress> address = address_of(node->ai_addr);
        if (!address.has_value()) continue;
        ttl = std::min(ttl, node->ai_ttl);
        if (std::ranges::find(result.addresses, *address) == result.addresses.end()) {
            result.addresses.push_back(*address);
        }
    }
    result.ttl = std::chrono::seconds(std::max(ttl, 0));
    return result;
}

Error failure(std::string_view operation, int status) {
    return Error(ExitCode::os, fmt::format("cannot {}: {}", operation, ares_strerror(status)));
}

}  // namespace

struct AresChannel::Request {
    AresChannel* channel;
    Done done;
};

Result<std::unique_ptr<AresChannel>> AresChannel::create(loop::Loop& loop, Settings settings) {
    std::unique_ptr<AresChannel> made(new AresChannel(loop));
    TRY(made->open(settings));
    return made;
}

Result<void> AresChannel::open(const Settings& settings) {
    tick_ = TRY(loop::Timer::create(loop_, [this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }));
    ares_options options{};
    // No search domains and no aliases of the environment: what is asked is what was judged.
    // NOSEARCH alone does not do it, ares_getaddrinfo() looks at the number of domains (1.18).
    options.ndomains = 0;
    options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
    options.ednspsz = kUdpBytes;
    options.timeout = static_cast<int>(settings.try_timeout.count());
    options.tries = settings.tries;
    char lookups[] = "b";  // no hosts file
    options.lookups = lookups;
    options.sock_state_cb_data = this;
    options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
        static_cast<AresChannel*>(self)->watch(fd, readable != 0, writable != 0);
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
               ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
    // Since 1.31 it remembers by itself, and a fresh answer would be an old one.
    options.qcache_max_ttl = 0;
    mask |= ARES_OPT_QUERY_CACHE;
#endif
    int status = ares_init_options(&channel_, &options, mask);
    if (status != ARES_SUCCESS) return failure("start the resolver", status);
    if (settings.nameservers.empty()) return {};
    std::string servers;
    for (const vsockio::IpEndpoint& server : settings.nameservers) {
        servers += fmt::format("{}{}", servers.empty() ? "" : ",", to_string(server));
    }
    status = ares_set_servers_ports_csv(channel_, servers.c_str());
    if (status != ARES_SUCCESS) return failure("use the nameservers " + servers, status);
    return {};
}

AresChannel::~AresChannel() {
    closing_ = true;
    if (channel_ != nullptr) ares_destroy(channel_);
}

void AresChannel::lookup(const std::string& name, int family, Done done) {
    ares_addrinfo_hints hints{};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    // Owned by c-ares until it calls back, which it does once, at the latest when destroyed.
    auto* request = new Request{this, std::move(done)};
    ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, finished, request);
    arm();
}

void AresChannel::finished(void* argument, int status, int, ares_addrinfo* found) {
    const std::unique_ptr<Request> request(static_cast<Request*>(argument));
    Found result = copy_of(status, found);
    if (found != nullptr) ares_freeaddrinfo(found);
    if (!request->channel->closing_) request->done(std::move(result));
}

void AresChannel::watch(int fd, bool readable, bool writable) {
    if (!readable && !writable) {
        polls_.erase(fd);  // before c-ares closes it
        return;
    }
    auto found = polls_.find(fd);
    if (found == polls_.end()) {
        auto poll = loop::Poll::create(loop_, fd, [this, fd](int events) {
            process((events & loop::Poll::kReadable) != 0 ? fd : ARES_SOCKET_BAD,
                    (events & loop::Poll::kWritable) != 0 ? fd : ARES_SOCKET_BAD);
        });
        if (!poll.ok()) return;  // the try times out
        found = polls_.emplace(fd, std::move(poll).value()).first;
    }
    found->second.watch((readable ? loop::Poll::kReadable : 0) |
                        (writable ? loop::Poll::kWritable : 0));
}

void AresChannel::process(int readable_fd, int writable_fd) {
    ares_process_fd(channel_, readable_fd, writable_fd);
    arm();
}

void AresChannel::arm() {
    timeval wait{};
    if (ares_timeout(channel_, nullptr, &wait) == nullptr) {
        tick_->stop();
        return;
    }
    // Rounded up, since c-ares looks at its clock again and a millisecond early is too early.
    tick_->start(std::chrono::milliseconds(wait.tv_sec * 1000 + wait.tv_usec / 1000 + 1));
}

bool AresChannel::is_absent(int status) {
    return status == ARES_ENOTFOUND || status == ARES_ENODATA;
}

bool AresChannel::is_timeout(int status) {
    return status == ARES_ETIMEOUT;
}

std::string AresChannel::describe(int status) {
    return ares_strerror(status);
}

}  // namespace pf_proxy
