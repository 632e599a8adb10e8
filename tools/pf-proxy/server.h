// One process of pf-proxy: its listeners, its sessions, its signals, and its end.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "acceptor.h"
#include "datagrams.h"
#include "health_checker.h"
#include "metrics_server.h"
#include "service.h"
#include "session.h"
#include "vsockio/listen.h"

namespace pf_proxy {

// Listening sockets, made before a process becomes several.
struct Listeners {
    std::vector<vsockio::Listener> streams;
    std::vector<base::Fd> datagrams;
    std::optional<vsockio::Listener> metrics;
};

base::Result<Listeners> open_listeners(const Settings& settings);

// The policy of the settings: that of the file, or none; of a far side without a file one that
// denies everything.
base::Result<std::shared_ptr<const policy::Policy>> load_policy(const Settings& settings);

class Server {
  public:
    static base::Result<std::unique_ptr<Server>> create(Service& service, Listeners listeners);
    // Until SIGTERM or SIGINT, and then until the connections have ended or their time is over.
    void run();

  private:
    explicit Server(Service& service);
    base::Result<void> listen(vsockio::Listener listener);
    std::chrono::milliseconds may_accept();
    bool full() const;
    bool out_of_descriptors();
    void accepted(vsockio::Connection connection);
    void session_over(Session& session);
    void reload();
    void drain();
    void end_when_drained();

    Service& service_;
    std::size_t most_;  // sessions of this process, by its descriptors
    std::vector<std::unique_ptr<Acceptor>> acceptors_;
    std::unordered_map<const Session*, std::unique_ptr<Session>> sessions_;
    std::unordered_map<const Session*, std::unique_ptr<Session>> turned_away_;
    std::unique_ptr<HealthChecker> health_;
    std::unique_ptr<MetricsServer> metrics_;
    std::unique_ptr<DatagramListeners> datagrams_;
    bool flows_left_ = false;  // of datagrams_
    std::vector<loop::Signal> signals_;
    std::optional<loop::Timer> drain_timer_;
    bool draining_ = false;
};

// Builds what a process needs and runs it: the whole of a worker. Announces on `ready_fd`, if it
// is not empty, that signals have their meaning.
base::Result<int> serve(const Settings& settings, Listeners listeners,
                        std::span<Metrics> all_metrics, std::size_t worker,
                        std::string_view ready_fd);

}  // namespace pf_proxy
