// From a query to its answer.
#include "dns_responder.h"

#include <algorithm>

#include "base/text.h"

namespace pf_proxy {

using base::Result;
using dns::Rcode;
using std::chrono::seconds;
using vsockio::IpAddress;

namespace {

constexpr std::size_t kMaximumDatagram = 4096;  // even if a client says that it takes more
constexpr std::uint16_t kForwardedUdpBytes = 4096;

std::size_t maximum_bytes_for(const dns::Query& query, DnsResponder::Way way) {
    if (way == DnsResponder::Way::stream) return dns::kMaximumMessageBytes;
    if (!query.edns.has_value()) return dns::kPlainUdpBytes;
    return std::min<std::size_t>(query.edns->udp_bytes, kMaximumDatagram);
}

bool wants_signatures(const dns::Query& query) {
    return query.edns.has_value() && query.edns->dnssec_ok;
}

// Why an answer is not one to the question that was asked; empty when it is.
std::string fault_of(const Result<dns::Answer>& answer, const dns::Question& question) {
    if (!answer.ok()) return answer.error().message;
    if (answer.value().question != question) return "the answer is to another question";
    return {};
}

}  // namespace

DnsResponder::DnsResponder(loop::Loop& loop, DnsResponderSettings settings, Metrics& metrics,
                           std::unique_ptr<Forwarder> forwarder,
                           std::shared_ptr<const policy::Policy> policy, Pins& pins)
    : loop_(loop),
      settings_(settings),
      policy_(std::move(policy)),
      pins_(pins),
      metrics_(metrics),
      cache_(settings.maximum_cached),
      forwarder_(std::move(forwarder)) {}

bool DnsResponder::respond(std::span<const std::byte> message, Way way, Send send) {
    dns::DecodedQuery decoded = dns::decode_query(message);
    if (!decoded.header.has_value()) {
        metrics_.add(metrics_.dns_malformed);
        return false;
    }
    Client client{std::move(decoded.query), 0, std::move(send)};
    client.maximum_bytes = maximum_bytes_for(client.query, way);
    if (decoded.fault != Rcode::no_error) {
        metrics_.add(metrics_.dns_malformed);
        client.send(
            decoded.fault == Rcode::bad_version
                ? dns::encode_reply(client.query, {decoded.fault, {}, {}}, client.maximum_bytes)
                : dns::encode_fault(*decoded.header, decoded.fault));
        return true;
    }
    metrics_.add(metrics_.dns_queries);
    if (const auto own = own_reply(client.query.question, *policy_)) {
        note_refused(client, *own);
        client.send(dns::encode_reply(client.query, own->reply, client.maximum_bytes));
        return true;
    }
    if (!answer_from_cache(client)) forward(std::move(client));
    return true;
}

// Who wants signatures gets what a nameserver says, since they are not kept.
bool DnsResponder::answer_from_cache(const Client& client) {
    if (!asks_for_address(client.query.question) || wants_signatures(client.query)) return false;
    const auto* entry = cache_.find(client.query.question, loop_.now());
    if (entry == nullptr) return false;
    metrics_.add(metrics_.dns_from_cache);
    const auto left = std::chrono::duration_cast<seconds>(entry->until - loop_.now());
    const FoundAddresses found = entry->value;
    answer_addresses(client, found, std::max(left, kShortestAnswer), {});
    return true;
}

void DnsResponder::forward(Client client) {
    const dns::Query& query = client.query;
    const Key key{query.question, query.edns.has_value(), wants_signatures(query),
                  query.header.checking_disabled};
    const auto found = pending_.find(key);
    const bool is_new = found == pending_.end();
    if (waiting_ >= settings_.maximum_waiting ||
        (is_new && pending_.size() >= settings_.maximum_pending)) {
        metrics_.add(metrics_.dns_too_many);
        client.send(
            dns::encode_reply(query, {Rcode::server_failure, {}, {}}, client.maximum_bytes));
        return;
    }
    ++waiting_;
    if (!is_new) {
        found->second.clients.push_back(std::move(client));
        return;
    }
    // A message of our own, so that nothing but the question leaves: no options, no spelling.
    std::optional<dns::Edns> edns;
    if (query.edns.has_value()) edns = dns::Edns{kForwardedUdpBytes, 0, 0, wants_signatures(query)};
    std::vector<std::byte> message =
        dns::encode_query(0, query.question, query.header.checking_disabled, edns);
    metrics_.add(metrics_.dns_forwarded);
    Pending& pending = pending_[key];
    pending.clients.push_back(std::move(client));
    pending.exchange = forwarder_->ask(
        std::move(message),
        [this, key](const Result<std::vector<std::byte>>& answer) { arrived(key, answer); });
}

void DnsResponder::arrived(const Key& key, const Result<std::vector<std::byte>>& message) {
    const auto pending = pending_.find(key);
    if (pending == pending_.end()) return;
    const std::vector<Client> clients = std::move(pending->second.clients);
    pending_.erase(pending);
    waiting_ -= clients.size();
    std::string why;
    if (message.ok()) {
        const Result<dns::Answer> answer = dns::decode_answer(message.value());
        why = fault_of(answer, std::get<dns::Question>(key));
        if (why.empty()) return answer_all(clients, answer.value(), message.value());
    } else {
        why = message.error().message;
    }
    metrics_.add(metrics_.dns_failed);
    for (const Client& client : clients)
        fail(client, why);
}

void DnsResponder::answer_all(std::span<const Client> clients, const dns::Answer& answer,
                              std::span<const std::byte> message) {
    if (!asks_for_address(answer.question)) {
        for (const Client& client : clients)
            client.send(dns::readdress(message, client.query, client.maximum_bytes));
        return;
    }
    const FoundAddresses found = found_addresses(answer);
    if (found.may_be_kept) cache_.put(answer.question, found, loop_.now() + found.ttl);
    for (const Client& client : clients)
        answer_addresses(client, found, found.ttl, message);
}

// `message` is what a nameserver said, if it was asked just now: a client that wants signatures
// gets it as it is, unless something must not be in it.
void DnsResponder::answer_addresses(const Client& client, const FoundAddresses& found, seconds ttl,
                                    std::span<const std::byte> message) {
    const Judged judged = judge_addresses(client.query.question, found, ttl, *policy_);
    note_refused(client, judged);
    for (const IpAddress& address : judged.addresses) {
        const Pins::Time until = pins_.pin(client.query.question.name, address, ttl, loop_.now());
        if (pinned_) pinned_(client.query.question.name, address.unmapped(), until);
    }
    if (wants_signatures(client.query) && !message.empty() && judged.refused_because.empty()) {
        client.send(dns::readdress(message, client.query, client.maximum_bytes));
        return;
    }
    client.send(dns::encode_reply(client.query, judged.reply, client.maximum_bytes));
}

void DnsResponder::fail(const Client& client, const std::string& why) {
    const dns::Reply reply{
        Rcode::server_failure, {}, dns::ExtendedError{dns::kExtendedNetworkError, why}};
    client.send(dns::encode_reply(client.query, reply, client.maximum_bytes));
}

void DnsResponder::note_refused(const Client& client, const Judged& judged) {
    if (judged.refused_because.empty()) return;
    metrics_.add(metrics_.dns_refused);
    if (refused_) refused_(client.query.question.name, judged.refused_because);
}

}  // namespace pf_proxy
