// The policy in terms of DNS.
#include "dns_judgement.h"

#include <algorithm>

#include "hosts_file.h"
#include "routing.h"

namespace pf_proxy {

using dns::Rcode;
using dns::Record;
using std::chrono::seconds;
using vsockio::IpAddress;

namespace {

constexpr std::uint32_t kLocalTtl = 3600;

dns::ExtendedError prohibited_error(const std::string& reason) {
    return {dns::kExtendedProhibited, reason};
}

Judged prohibited(const dns::Question& question, const std::string& reason) {
    Judged judged;
    judged.refused_because = reason;
    judged.reply.error = prohibited_error(reason);
    if (asks_for_address(question)) {
        const IpAddress address = question.type == dns::kTypeA ? kRefusedV4 : kRefusedV6;
        judged.reply.records.push_back({question.name, kProhibitedTtl, address});
    } else {
        judged.reply.rcode = Rcode::refused;
    }
    return judged;
}

// RFC 6761 6.3: the application's own, which no policy about the network concerns.
Judged localhost(const dns::Question& question) {
    Judged judged;
    if (question.type == dns::kTypeA) {
        judged.reply.records = {{question.name, kLocalTtl, IpAddress::v4(127, 0, 0, 1)}};
    } else if (question.type == dns::kTypeAaaa) {
        judged.reply.records = {
            {question.name, kLocalTtl, IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 1})}};
    }
    return judged;
}

bool is_about_messages(std::uint16_t type) {
    return type == dns::kTypeOpt || (type >= dns::kFirstMetaType && type <= dns::kLastMetaType);
}

}  // namespace

bool asks_for_address(const dns::Question& question) {
    return question.klass == dns::kClassInternet &&
           (question.type == dns::kTypeA || question.type == dns::kTypeAaaa);
}

FoundAddresses found_addresses(const dns::Answer& answer) {
    FoundAddresses found;
    found.rcode = answer.rcode;
    found.chain = dns::follow(answer);
    found.may_be_kept = !answer.header.truncated &&
                        (found.rcode == Rcode::no_error || found.rcode == Rcode::no_such_name);
    if (found.chain.addresses.empty()) {
        found.ttl = kAbsentAnswer;
        return found;
    }
    std::uint32_t shortest = UINT32_MAX;
    for (const auto* part : {&found.chain.aliases, &found.chain.addresses}) {
        for (const Record& record : *part)
            shortest = std::min(shortest, record.ttl);
    }
    found.ttl = std::clamp(seconds(shortest), kShortestAnswer, kLongestAnswer);
    return found;
}

std::optional<Judged> own_reply(const dns::Question& question, const policy::Policy& policy) {
    if (question.klass != dns::kClassInternet || is_about_messages(question.type)) {
        Judged judged;
        judged.reply.rcode = Rcode::refused;
        return judged;
    }
    if (is_localhost(question.name)) return localhost(question);
    const policy::Decision decision = policy.judge_name(question.name);
    if (!decision.allowed) return prohibited(question, decision.reason);
    // They may hold addresses that nobody judges or pins; who asks for them does without.
    if (question.type == dns::kTypeHttps || question.type == dns::kTypeSvcb) return Judged{};
    return std::nullopt;
}

Judged judge_addresses(const dns::Question& question, const FoundAddresses& found, seconds ttl,
                       const policy::Policy& policy) {
    Judged judged;
    judged.reply.rcode = found.rcode;
    const auto seconds_left = static_cast<std::uint32_t>(ttl.count());
    for (Record record : found.chain.aliases) {
        record.ttl = seconds_left;
        judged.reply.records.push_back(std::move(record));
    }
    for (Record record : found.chain.addresses) {
        const IpAddress address = std::get<IpAddress>(record.data);
        policy::Decision decision = policy.judge_found(question.name, address);
        if (!decision.allowed) {
            judged.refused_because = std::move(decision.reason);
            continue;
        }
        record.ttl = seconds_left;
        judged.reply.records.push_back(std::move(record));
        judged.addresses.push_back(address);
    }
    if (judged.refused_because.empty()) return judged;
    if (judged.addresses.empty()) return prohibited(question, judged.refused_because);
    judged.reply.error = prohibited_error(judged.refused_because);
    return judged;
}

}  // namespace pf_proxy
