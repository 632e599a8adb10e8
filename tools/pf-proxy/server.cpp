// Accepting within limits, reloading, draining.
#include "server.h"

#include <csignal>

#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/main.h"
#include "descriptors.h"
#include "dns_service.h"
#include "stream_pool.h"
#include "syn_holder.h"

namespace pf_proxy {

using base::Result;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kMaxPolicyBytes = 256 * 1024;
// A limit is looked at again after this, when nothing of ours has ended meanwhile.
constexpr milliseconds kFullPause{100};
// Near sides that are being told that there are too many.
constexpr std::size_t kMostTurnedAway = 64;

}  // namespace

Result<Listeners> open_listeners(const Settings& settings) {
    Listeners listeners;
    for (const vsockio::Address& address : settings.listeners) {
        vsockio::Listener listener = TRY(vsockio::Listener::create(address));
        if (settings.tproxy) TRY(allow_foreign_addresses(listener.fd()));
        base::log::info("listening", {{"address", to_string(listener.bound())}});
        listeners.streams.push_back(std::move(listener));
    }
    listeners.datagrams = TRY(bind_datagram_listeners(settings));
    if (settings.metrics.has_value()) {
        listeners.metrics.emplace(TRY(vsockio::Listener::create(*settings.metrics)));
        base::log::info("metrics", {{"address", to_string(listeners.metrics->bound())}});
    }
    return listeners;
}

Result<std::shared_ptr<const policy::Policy>> load_policy(const Settings& settings) {
    if (settings.policy_file.empty()) {
        if (!settings.serves_requests()) return std::shared_ptr<const policy::Policy>();
        return std::make_shared<const policy::Policy>(policy::Policy::deny_all());
    }
    const std::string text = TRY(base::read_file(settings.policy_file, kMaxPolicyBytes));
    policy::Policy policy = TRY(policy::Policy::parse(text, settings.policy_file));
    return std::make_shared<const policy::Policy>(std::move(policy));
}

Server::Server(Service& service) : service_(service), most_(connections_that_fit()) {}

Result<std::unique_ptr<Server>> Server::create(Service& service, Listeners listeners) {
    std::unique_ptr<Server> server(new Server(service));
    Server* self = server.get();
    for (vsockio::Listener& listener : listeners.streams)
        TRY(server->listen(std::move(listener)));
    if (listeners.metrics.has_value()) {
        server->metrics_ = TRY(MetricsServer::create(service.loop, std::move(*listeners.metrics),
                                                     service.all_metrics));
    }
    if (!listeners.datagrams.empty()) {
        server->datagrams_ =
            TRY(DatagramListeners::create(service, std::move(listeners.datagrams)));
    }
    server->health_ = TRY(HealthChecker::create(service));
    server->drain_timer_ = TRY(loop::Timer::create(service.loop, [self] {
        base::log::warning("connections cut off", {{"count", self->sessions_.size()}});
        self->service_.loop.stop();
    }));
    for (const int number : {SIGTERM, SIGINT}) {
        server->signals_.push_back(
            TRY(loop::Signal::create(service.loop, number, [self](int) { self->drain(); })));
    }
    server->signals_.push_back(
        TRY(loop::Signal::create(service.loop, SIGHUP, [self](int) { self->reload(); })));
    return server;
}

Result<void> Server::listen(vsockio::Listener listener) {
    if (const auto own = local_endpoint(listener.fd())) service_.listening.push_back(*own);
    acceptors_.push_back(TRY(Acceptor::create(
        service_.loop, std::move(listener), [this] { return may_accept(); },
        [this](vsockio::Connection connection) { accepted(std::move(connection)); },
        [this](const std::string& why) {
            service_.metrics.add(service_.metrics.accept_pauses);
            service_.talk.warn(service_.loop.now(), "accepting pauses", {{"why", why}});
        })));
    return {};
}

bool Server::full() const {
    return open_connections(service_.all_metrics) >= service_.settings.limits.connections;
}

// A connection that was accepted with the last descriptor could not be given its other side.
bool Server::out_of_descriptors() {
    if (sessions_.size() < most_) return false;
    service_.talk.warn(service_.loop.now(), "accepting pauses",
                       {{"why", "descriptors are for so many connections only"},
                        {"connections", sessions_.size()}});
    return true;
}

milliseconds Server::may_accept() {
    const milliseconds wait = service_.rate.wait(service_.loop.now());
    // A near side can be told that there are too many; others wait in the kernel's queue.
    const bool hold = out_of_descriptors() || (!service_.settings.serves_requests() && full());
    if (wait.count() == 0 && !hold) return wait;
    service_.metrics.add(service_.metrics.accept_pauses);
    return std::max(wait, hold ? kFullPause : wait);
}

void Server::accepted(vsockio::Connection connection) {
    Metrics& metrics = service_.metrics;
    metrics.add(metrics.accepted);
    service_.rate.spend();
    const std::vector<std::uint32_t>& allowed = service_.settings.allowed_cids;
    if (!allowed.empty() && std::ranges::count(allowed, peer_from(connection.from).cid) == 0) {
        metrics.add(metrics.refused_peer);
        service_.talk.warn(service_.loop.now(), "refused",
                           {{"from", connection.peer()}, {"why", "not an allowed CID"}});
        return;
    }
    if (full()) {
        metrics.add(metrics.refused_limit);
        if (turned_away_.size() >= kMostTurnedAway) return;
        auto session = std::make_unique<Session>(
            service_, std::move(connection), [this](Session& over) { turned_away_.erase(&over); });
        Session* raw = session.get();
        turned_away_.emplace(raw, std::move(session));
        return raw->turn_away();
    }
    metrics.add(metrics.open);
    auto session = std::make_unique<Session>(service_, std::move(connection),
                                             [this](Session& over) { session_over(over); });
    Session* raw = session.get();
    sessions_.emplace(raw, std::move(session));
    raw->start();
}

void Server::session_over(Session& session) {
    sessions_.erase(&session);
    service_.metrics.open.fetch_sub(1, std::memory_order_relaxed);
    for (const auto& acceptor : acceptors_)
        acceptor->resume();
    end_when_drained();
}

void Server::reload() {
    if (service_.settings.policy_file.empty()) return;
    Result<std::shared_ptr<const policy::Policy>> policy = load_policy(service_.settings);
    if (!policy.ok()) {
        base::log::error("the old policy stays", {{"error", policy.error().message}});
        return;
    }
    service_.policy = std::move(policy).value();
    if (service_.dns != nullptr) service_.dns->set_policy(service_.policy);
    if (datagrams_ != nullptr) datagrams_->set_policy(service_.policy);
    base::log::info("policy reloaded", {{"file", service_.settings.policy_file},
                                        {"rules", service_.policy->rules().size()}});
}

void Server::drain() {
    // Asked once more: whoever asks has waited long enough.
    if (draining_) return service_.loop.stop();
    draining_ = true;
    acceptors_.clear();
    service_.pool.reset();
    std::erase_if(sessions_, [this](const auto& entry) {
        if (!entry.second->unused()) return false;
        service_.metrics.open.fetch_sub(1, std::memory_order_relaxed);
        return true;
    });
    if (datagrams_ != nullptr) {
        flows_left_ = true;
        datagrams_->drain([this] {
            flows_left_ = false;
            end_when_drained();
        });
    }
    if (!sessions_.empty() || flows_left_) {
        base::log::info("draining", {{"connections", sessions_.size()}});
        drain_timer_->start(service_.settings.drain_limit);
    }
    end_when_drained();
}

void Server::end_when_drained() {
    if (draining_ && sessions_.empty() && !flows_left_) service_.loop.stop();
}

void Server::run() {
    service_.loop.run();
    sessions_.clear();
    turned_away_.clear();
}

Result<int> serve(const Settings& settings, Listeners listeners, std::span<Metrics> all_metrics,
                  std::size_t worker, std::string_view ready_fd) {
    loop::Loop loop = TRY(loop::Loop::create());
    ResolverSettings resolving;
    resolving.nameservers = settings.nameservers;
    std::shared_ptr<const policy::Policy> policy = TRY(load_policy(settings));
    std::unique_ptr<Resolver> resolver = TRY(Resolver::create(loop, std::move(resolving)));
    Service service{loop,
                    settings,
                    std::move(policy),
                    std::move(resolver),
                    all_metrics,
                    all_metrics[worker],
                    RateLimit(settings.limits.per_second),
                    PeerLimit(settings.limits.per_peer),
                    Targets(std::max<std::size_t>(settings.targets.size(), 1), settings.balance,
                            settings.health)};
    if (settings.pool > 0) {
        service.pool = TRY(StreamPool::create(loop, settings.targets.front(), settings.pool,
                                              settings.limits.connect));
    }
    if (settings.dns.has_value()) service.dns = TRY(DnsService::create(service));
    const std::unique_ptr<Server> server = TRY(Server::create(service, std::move(listeners)));
    std::unique_ptr<SynHolder> holder;
    if (settings.hold) holder = TRY(SynHolder::create(service));
    TRY(base::announce_ready(ready_fd));
    server->run();
    return 0;
}

}  // namespace pf_proxy
