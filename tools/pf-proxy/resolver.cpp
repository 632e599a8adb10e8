// Lookups that are shared, limited and remembered.
#include "resolver.h"

#include <sys/socket.h>

#include <algorithm>
#include <optional>

#include "ares_channel.h"
#include "base/format.h"
#include "base/text.h"
#include "expiring_cache.h"
#include "hosts_file.h"
#include "pins.h"
#include "policy/host_name.h"

namespace pf_proxy {

using base::Error;
using base::ExitCode;
using base::Result;
using std::chrono::milliseconds;
using std::chrono::seconds;
using vsockio::IpAddress;

namespace {

constexpr std::size_t kMaximumAddresses = 256;  // as the stub of --dns gives out
constexpr seconds kShortestTtl{1};
constexpr seconds kLongestTtl{300};
constexpr seconds kAbsentTtl{5};

using Key = std::pair<std::string, Family>;
using Outcome = Result<Resolver::Answer>;

bool is_of(Family family, const IpAddress& address) {
    return family == Family::any || (family == Family::v4) == address.is_v4;
}

int native(Family family) {
    return family == Family::any ? AF_UNSPEC : family == Family::v4 ? AF_INET : AF_INET6;
}

Error failure(ExitCode code, int errno_value, std::string_view name, std::string_view why) {
    Error error(code, fmt::format("cannot resolve {}: {}", base::quote(name), why));
    error.errno_value = errno_value;
    return error;
}

Error absent(std::string_view name) {
    return failure(ExitCode::unavailable, EHOSTUNREACH, name, "it has no address");
}

Error late(std::string_view name) {
    return failure(ExitCode::unavailable, ETIMEDOUT, name, "no nameserver answers in time");
}

// What is shared by whoever waits and whoever answers: an empty `done` has been cancelled.
struct Waiting {
    Resolver::Done done;
};

class Handle : public Resolver::Query {
  public:
    explicit Handle(std::shared_ptr<Waiting> waiting) : waiting_(std::move(waiting)) {}
    ~Handle() override { waiting_->done = nullptr; }

  private:
    std::shared_ptr<Waiting> waiting_;
};

// One question that c-ares has, and who waits for it.
struct Lookup {
    std::vector<std::shared_ptr<Waiting>> waiting;
    std::optional<loop::Timer> deadline;
};

class SharingResolver : public Resolver {
  public:
    SharingResolver(loop::Loop& loop, ResolverSettings settings)
        : loop_(loop),
          settings_(std::move(settings)),
          hosts_(settings_.hosts_file),
          cache_(settings_.maximum_cached) {}

    Result<void> open() {
        deliver_ = TRY(loop::Timer::create(loop_, [this] { deliver(); }));
        AresChannel::Settings settings{settings_.nameservers, settings_.try_timeout,
                                       settings_.tries};
        channel_ = TRY(AresChannel::create(loop_, std::move(settings)));
        return {};
    }

    std::unique_ptr<Query> resolve(std::string_view name, Family family, Freshness freshness,
                                   Done done) override;
    bool has_had(const std::string& name, const IpAddress& address) override {
        return std::ranges::count(had_.names_of(address, loop_.now()), name) != 0;
    }

  private:
    struct Cached {
        std::vector<IpAddress> addresses;  // empty for a name that has none
        milliseconds since{};
    };

    std::optional<Outcome> known(const Key& key, Freshness freshness);
    void remember(const Key& key, const std::vector<IpAddress>& addresses, seconds ttl);
    Result<void> join(const Key& key, const std::shared_ptr<Waiting>& waiting);
    void sweep();
    void finish(const Key& key, const AresChannel::Found& found);
    void give_up(const Key& key);
    void conclude(Lookup& lookup, const Outcome& outcome);
    void settle(std::shared_ptr<Waiting> waiting, Outcome outcome);
    void deliver();

    loop::Loop& loop_;
    ResolverSettings settings_;
    HostsFile hosts_;
    ExpiringCache<Key, Cached> cache_;
    Pins had_;
    std::map<Key, Lookup> lookups_;
    std::size_t waiting_ = 0;  // in all lookups
    std::vector<std::pair<std::shared_ptr<Waiting>, Outcome>> due_;
    std::optional<loop::Timer> deliver_;
    std::unique_ptr<AresChannel> channel_;  // goes first: it calls back
};

std::unique_ptr<Resolver::Query> SharingResolver::resolve(std::string_view name, Family family,
                                                          Freshness freshness, Done done) {
    auto waiting = std::make_shared<Waiting>();
    waiting->done = std::move(done);
    auto handle = std::make_unique<Handle>(waiting);
    auto host = policy::parse_host(name);
    if (!host.ok()) {
        Error error = std::move(host).error();
        error.errno_value = EINVAL;
        settle(std::move(waiting), std::move(error));
        return handle;
    }
    if (const auto* address = std::get_if<IpAddress>(&host.value())) {
        const IpAddress unmapped = address->unmapped();
        const bool fits = is_of(family, unmapped);
        settle(std::move(waiting),
               fits ? Outcome(Answer{{unmapped}, kLongestTtl}) : Outcome(absent(name)));
        return handle;
    }
    const Key key(std::get<std::string>(host.value()), family);
    if (std::optional<Outcome> outcome = known(key, freshness)) {
        settle(std::move(waiting), std::move(*outcome));
        return handle;
    }
    const Result<void> joined = join(key, waiting);
    if (!joined.ok()) settle(std::move(waiting), joined.error());
    return handle;
}

// What can be answered without asking anybody.
std::optional<Outcome> SharingResolver::known(const Key& key, Freshness freshness) {
    Answer answer;
    answer.ttl = kShortestTtl;
    for (const IpAddress& address : hosts_.find(key.first, loop_.now())) {
        if (is_of(key.second, address) && answer.addresses.size() < kMaximumAddresses) {
            answer.addresses.push_back(address);
        }
    }
    if (!answer.addresses.empty()) return answer;
    const auto* entry = cache_.find(key, loop_.now());
    if (entry == nullptr) return std::nullopt;
    if (freshness == Freshness::fresh && loop_.now() - entry->value.since >= settings_.fresh) {
        return std::nullopt;
    }
    if (entry->value.addresses.empty()) return absent(key.first);
    answer.addresses = entry->value.addresses;
    answer.ttl =
        std::max(kShortestTtl, std::chrono::duration_cast<seconds>(entry->until - loop_.now()));
    return answer;
}

Result<void> SharingResolver::join(const Key& key, const std::shared_ptr<Waiting>& waiting) {
    if (waiting_ >= settings_.maximum_waiting) sweep();
    auto found = lookups_.find(key);
    const bool is_new = found == lookups_.end();
    if (waiting_ >= settings_.maximum_waiting ||
        (is_new && lookups_.size() >= settings_.maximum_lookups)) {
        return failure(ExitCode::temporary, EAGAIN, key.first, "too many names are looked up");
    }
    std::optional<loop::Timer> deadline;
    if (is_new || !found->second.deadline.has_value()) {
        deadline = TRY(loop::Timer::create(loop_, [this, key] { give_up(key); }));
        deadline->start(settings_.limit);
    }
    if (is_new) found = lookups_.try_emplace(key).first;
    Lookup& lookup = found->second;
    if (deadline.has_value()) lookup.deadline = std::move(deadline);
    lookup.waiting.push_back(waiting);
    ++waiting_;
    if (is_new) {
        channel_->lookup(key.first, native(key.second),
                         [this, key](const AresChannel::Found& answer) { finish(key, answer); });
    }
    return {};
}

// Forgets who has cancelled.
void SharingResolver::sweep() {
    waiting_ = 0;
    for (auto& [key, lookup] : lookups_) {
        std::erase_if(lookup.waiting, [](const auto& each) { return !each->done; });
        waiting_ += lookup.waiting.size();
    }
}

void SharingResolver::finish(const Key& key, const AresChannel::Found& found) {
    const std::string& name = key.first;
    Outcome outcome = absent(name);
    if (!found.addresses.empty()) {
        Answer answer{found.addresses, std::clamp(found.ttl, kShortestTtl, kLongestTtl)};
        answer.addresses.resize(std::min(answer.addresses.size(), kMaximumAddresses));
        remember(key, answer.addresses, answer.ttl);
        outcome = std::move(answer);
    } else if (found.status == 0 || AresChannel::is_absent(found.status)) {
        remember(key, {}, kAbsentTtl);
    } else if (AresChannel::is_timeout(found.status)) {
        outcome = late(name);
    } else {
        outcome =
            failure(ExitCode::unavailable, EHOSTUNREACH, name, AresChannel::describe(found.status));
    }
    const auto lookup = lookups_.find(key);
    if (lookup == lookups_.end()) return;
    conclude(lookup->second, outcome);
    lookups_.erase(lookup);
}

void SharingResolver::remember(const Key& key, const std::vector<IpAddress>& addresses,
                               seconds ttl) {
    for (const IpAddress& address : addresses)
        had_.pin(key.first, address, ttl, loop_.now());
    cache_.put(key, {addresses, loop_.now()}, loop_.now() + ttl);
}

// c-ares goes on, and whoever asks again until it has an answer waits for the same one.
void SharingResolver::give_up(const Key& key) {
    const auto lookup = lookups_.find(key);
    if (lookup == lookups_.end()) return;
    conclude(lookup->second, late(key.first));
    lookup->second.deadline.reset();
}

void SharingResolver::conclude(Lookup& lookup, const Outcome& outcome) {
    waiting_ -= lookup.waiting.size();
    for (std::shared_ptr<Waiting>& waiting : lookup.waiting)
        settle(std::move(waiting), outcome);
    lookup.waiting.clear();
}

void SharingResolver::settle(std::shared_ptr<Waiting> waiting, Outcome outcome) {
    if (due_.empty()) deliver_->start(milliseconds(0));
    due_.emplace_back(std::move(waiting), std::move(outcome));
}

// Called from the loop only, where whoever is told may destroy anything, this included.
void SharingResolver::deliver() {
    const auto due = std::exchange(due_, {});
    for (const auto& [waiting, outcome] : due) {
        if (waiting->done) std::exchange(waiting->done, nullptr)(outcome);
    }
}

}  // namespace

Result<std::unique_ptr<Resolver>> Resolver::create(loop::Loop& loop, ResolverSettings settings) {
    auto made = std::make_unique<SharingResolver>(loop, std::move(settings));
    TRY(made->open());
    return std::unique_ptr<Resolver>(std::move(made));
}

}  // namespace pf_proxy
