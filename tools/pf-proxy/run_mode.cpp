// A relay mode from its arguments to its end, in one process or several.
#include "run_mode.h"

#include <sys/resource.h>

#include "base/log.h"
#include "base/main.h"
#include "server.h"
#include "workers.h"

namespace pf_proxy {

using base::Result;

namespace {

// Every connection needs two descriptors and more while it is busy.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

// Listening sockets of a worker's own over the same queues: those of the parent stay its, with the
// duty to remove their files.
Result<Listeners> share_listeners(const Listeners& listeners, std::size_t worker) {
    const auto share = [](const vsockio::Listener& listener) -> Result<vsockio::Listener> {
        base::Fd fd = TRY(base::duplicate(listener.fd()));
        vsockio::Address address;
        address.kind = vsockio::Address::Kind::fd;
        address.fd = fd.release();
        return vsockio::Listener::create(address);
    };
    Listeners shared;
    for (const vsockio::Listener& listener : listeners.streams)
        shared.streams.push_back(TRY(share(listener)));
    // Datagrams of one source have to meet in one process.
    for (const base::Fd& socket : listeners.datagrams) {
        if (worker == 0) shared.datagrams.push_back(TRY(base::duplicate(socket.get())));
    }
    if (listeners.metrics.has_value()) shared.metrics.emplace(TRY(share(*listeners.metrics)));
    return shared;
}

}  // namespace

Result<int> run_relay_mode(const base::Arguments& arguments) {
    const base::log::Format format = TRY(base::log::parse_format(arguments.value("log-format")));
    base::log::set_format(format);
    if (arguments.has("explain")) {
        if (!arguments.has("policy")) return base::Error::usage("--explain needs --policy");
        return explain(std::string(arguments.value("policy")), arguments.value("explain"));
    }
    const Settings settings = TRY(parse_settings(arguments));
    raise_descriptor_limit();
    (void)TRY(load_policy(settings));  // a wrong file is told before anything listens
    Listeners listeners = TRY(open_listeners(settings));
    const std::span<Metrics> metrics = TRY(share_metrics(settings.workers));
    if (settings.workers == 1) {
        return serve(settings, std::move(listeners), metrics, 0, settings.ready_fd);
    }
    return run_workers(settings, metrics, [&](std::size_t worker) -> Result<int> {
        return serve(settings, TRY(share_listeners(listeners, worker)), metrics, worker, {});
    });
}

}  // namespace pf_proxy
