// The names under which counters are told, and their sums.
#include "metrics.h"

#include <sys/mman.h>

#include <new>

#include "base/format.h"

namespace pf_proxy {

namespace {

struct Entry {
    std::string_view name;
    std::string_view help;
    Metrics::Count Metrics::*count;
    bool gauge = false;
};

constexpr Entry kEntries[] = {
    {"connections_total", "Connections accepted", &Metrics::accepted},
    {"connections_open", "Connections open now", &Metrics::open, true},
    {"connected_total", "Connections that got to their other side", &Metrics::connected},
    {"refused_policy_total", "Destinations refused by the policy", &Metrics::refused_policy},
    {"refused_limit_total", "Connections refused by a limit", &Metrics::refused_limit},
    {"refused_peer_total", "Connections refused for where they came from", &Metrics::refused_peer},
    {"bad_header_total", "Requests and PROXY headers not understood", &Metrics::bad_header},
    {"header_timeout_total", "Headers that did not come in time", &Metrics::header_timeouts},
    {"connect_failed_total", "Connections to the other side that failed", &Metrics::connect_failed},
    {"idle_ended_total", "Connections ended because nothing moved", &Metrics::idle_ended},
    {"reset_total", "Connections ended by a reset", &Metrics::reset},
    {"bytes_out_total", "Bytes from the side that connected, of ended connections",
     &Metrics::bytes_out},
    {"bytes_in_total", "Bytes to the side that connected, of ended connections",
     &Metrics::bytes_in},
    {"accept_pauses_total", "Times that accepting paused", &Metrics::accept_pauses},
    {"pool_hits_total", "Requests sent on a stream opened beforehand", &Metrics::pool_hits},
    {"targets_unhealthy", "Targets that are unhealthy now", &Metrics::targets_unhealthy, true},
    {"flows_total", "Flows of UDP opened", &Metrics::flows},
    {"flows_refused_total", "Flows of UDP refused", &Metrics::flows_refused},
    {"datagrams_out_total", "Datagrams from the application's side", &Metrics::datagrams_out},
    {"datagrams_in_total", "Datagrams to the application's side", &Metrics::datagrams_in},
    {"datagrams_dropped_total", "Datagrams dropped", &Metrics::datagrams_dropped},
    {"dns_queries_total", "Questions to the DNS stub", &Metrics::dns_queries},
    {"dns_malformed_total", "Messages to it that were no questions", &Metrics::dns_malformed},
    {"dns_from_cache_total", "Questions answered from its cache", &Metrics::dns_from_cache},
    {"dns_forwarded_total", "Questions asked of a nameserver", &Metrics::dns_forwarded},
    {"dns_refused_total", "Answers that the policy changed", &Metrics::dns_refused},
    {"dns_failed_total", "Questions without a usable answer", &Metrics::dns_failed},
    {"dns_too_many_total", "Questions over a limit", &Metrics::dns_too_many},
};

std::uint64_t sum(std::span<const Metrics> all, Metrics::Count Metrics::*count) {
    std::uint64_t total = 0;
    for (const Metrics& one : all)
        total += (one.*count).load(std::memory_order_relaxed);
    return total;
}

}  // namespace

void Metrics::forget_open() {
    for (const Entry& entry : kEntries) {
        if (entry.gauge) (this->*entry.count).store(0, std::memory_order_relaxed);
    }
}

base::Result<std::span<Metrics>> share_metrics(std::size_t workers) {
    void* memory = ::mmap(nullptr, workers * sizeof(Metrics), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return base::Error::system("share counters", "");
    auto* first = static_cast<Metrics*>(memory);
    for (std::size_t index = 0; index < workers; ++index)
        ::new (first + index) Metrics();
    return std::span<Metrics>(first, workers);
}

std::uint64_t open_connections(std::span<const Metrics> all) {
    return sum(all, &Metrics::open);
}

std::string prometheus_text(std::span<const Metrics> all) {
    std::string text;
    for (const Entry& entry : kEntries) {
        text += fmt::format("# HELP pf_proxy_{} {}\n# TYPE pf_proxy_{} {}\npf_proxy_{} {}\n",
                            entry.name, entry.help, entry.name, entry.gauge ? "gauge" : "counter",
                            entry.name, sum(all, entry.count));
    }
    return text;
}

}  // namespace pf_proxy
