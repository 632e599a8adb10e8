// A policy of arbitrary text, asked for arbitrary destinations. A special address is allowed only
// by a rule that lies within its range, and all ways to ask agree with each other.
//
//   policy text, then after the first zero byte a request for each 20 bytes and a rest:
//   offset size
//        0    1 bits: 1 IPv4, 2 udp, 4 take a special range's end, 8 that is its last address
//        1    2 port
//        3    1 length of the host
//        4   16 address; byte 4 is the number of the special range
//       20    n host
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/bytes.h"
#include "base/text.h"
#include "policy/host_name.h"
#include "policy/policy.h"

namespace {

using policy::Decision;
using policy::Policy;
using policy::Request;
using policy::Rule;
using policy::Verdict;
using vsockio::IpAddress;
using vsockio::Transport;

constexpr std::size_t kRequestBytes = 20;

void require(bool condition) {
    if (!condition) std::abort();
}

bool same(const Decision& a, const Decision& b) {
    return a.allowed == b.allowed && a.line == b.line && a.reason == b.reason;
}

bool named_by_a_rule(const Policy& policy, const IpAddress& address) {
    const auto special = policy::special_range(address);
    const auto names = [&](const vsockio::IpNetwork& network) {
        return network.contains(address.unmapped()) && special->network.contains(network);
    };
    return std::any_of(policy.rules().begin(), policy.rules().end(), [&](const Rule& rule) {
        if (rule.verdict == Verdict::deny) return false;
        if (rule.target == Rule::Target::network && names(rule.network)) return true;
        return std::any_of(rule.addresses.begin(), rule.addresses.end(), names);
    });
}

const Rule* rule_at(const Policy& policy, std::size_t line) {
    const auto rules = policy.rules();
    const auto found = std::find_if(rules.begin(), rules.end(),
                                    [&](const Rule& each) { return each.line == line; });
    return found == rules.end() ? nullptr : &*found;
}

Decision judge(const Policy& policy, const Policy& again, const Request& request) {
    const Decision decision = policy.judge(request);
    require(same(decision, again.judge(request)));
    require(decision.line == 0 || rule_at(policy, decision.line) != nullptr);
    require(base::is_utf8(decision.reason) && decision.reason.find('\n') == std::string::npos);
    if (decision.allowed && policy::special_range(request.address).has_value()) {
        require(named_by_a_rule(policy, request.address));
    }
    return decision;
}

void ask(const Policy& policy, const Policy& again, const Request& request) {
    const Decision decision = judge(policy, again, request);
    const auto lines =
        policy.explain(request.name, request.address, request.port, request.transport);
    require(lines.back() == (decision.allowed ? "allowed: " : "denied: ") + decision.reason);

    const Decision by_name = policy.judge_name(request.name, request.port, request.transport);
    if (by_name.allowed) require(policy.judge_name(request.name).allowed);
    const auto host = policy::parse_host(request.name);
    if (!host.ok()) {
        require(!by_name.allowed && !policy.judge_name(request.name).allowed);
        require(request.name.empty() || !decision.allowed);
        return;
    }
    if (const auto* address = std::get_if<IpAddress>(&host.value())) {
        require(!decision.allowed || address->unmapped() == request.address.unmapped());
        require(same(by_name, policy.judge({"", *address, request.port, request.transport})));
    } else if (decision.allowed) {
        // What is allowed, and not for its network, could be asked for. Where a line has several
        // rules, one for a network may be meant.
        const auto rules = policy.rules();
        const bool by_network = std::any_of(rules.begin(), rules.end(), [&](const Rule& rule) {
            return rule.line == decision.line && rule.target == Rule::Target::network;
        });
        require(by_network || by_name.allowed);
    }
}

Request read_request(std::span<const std::byte> input) {
    Request request;
    const auto bits = std::to_integer<unsigned>(input[0]);
    request.address.is_v4 = (bits & 1) != 0;
    request.transport = (bits & 2) != 0 ? Transport::udp : Transport::tcp;
    request.port = base::load_be<std::uint16_t>(input.subspan(1, 2));
    std::memcpy(request.address.bytes.data(), &input[4], request.address.is_v4 ? 4 : 16);
    if ((bits & 4) != 0) {
        const auto ranges = policy::special_ranges();
        const auto& range = ranges[std::to_integer<std::size_t>(input[4]) % ranges.size()];
        request.address = (bits & 8) != 0 ? range.network.last() : range.network.address;
    }
    const std::size_t length =
        std::min(std::to_integer<std::size_t>(input[3]), input.size() - kRequestBytes);
    request.name = base::as_text(input.subspan(kRequestBytes, length));
    return request;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    const std::string_view text = all.substr(0, all.find('\0'));
    const auto policy = Policy::parse(text, "f");
    if (!policy.ok()) {
        require(policy.error().message.starts_with("f:"));
        return 0;
    }
    const auto again = Policy::parse(text, "f");
    require(again.ok());
    for (const auto& range : policy::special_ranges()) {
        judge(policy.value(), again.value(), {"", range.network.address, 443, Transport::tcp});
        judge(policy.value(), again.value(),
              {"a.example", range.network.last(), 53, Transport::udp});
    }
    auto rest = base::as_bytes(all).subspan(std::min(text.size() + 1, all.size()));
    while (rest.size() >= kRequestBytes) {
        const Request request = read_request(rest);
        ask(policy.value(), again.value(), request);
        rest = rest.subspan(kRequestBytes + request.name.size());
    }
    return 0;
}
