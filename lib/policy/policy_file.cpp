// Reading policy(5): YAML nodes into rules, each mistake with its place. Opens no file.
#include "base/format.h"
#include "base/text.h"
#include "codec/yaml.h"
#include "policy/host_name.h"
#include "policy/policy.h"

namespace policy {

using base::Result;
using codec::yaml::Field;
using codec::yaml::Value;
using vsockio::IpAddress;
using vsockio::IpNetwork;
using vsockio::Transport;

namespace {

constexpr std::string_view kVerdicts[] = {"deny", "allow"};
constexpr std::string_view kTransports[] = {"tcp", "udp"};

struct RuleDraft {
    Rule rule;
    bool has_target = false;
    codec::yaml::Mark addresses_at;
};

struct FileDraft {
    Verdict by_default = Verdict::deny;
    std::vector<Rule> rules;
};

// IPv4-mapped networks would never match, since addresses are unmapped before they are judged.
Result<IpNetwork> read_network(const Value& value, std::string_view text) {
    const Result<IpNetwork> network = vsockio::parse_ip_network(text);
    if (!network.ok()) return value.fail(network.error().message);
    const IpAddress unmapped = network->address.unmapped();
    if (network->prefix >= 96 && unmapped != network->address) {
        return value.fail(fmt::format("{} is an IPv4-mapped address, write {}", base::quote(text),
                                      to_string(IpNetwork{unmapped, network->prefix - 96})));
    }
    return network.value();
}

Result<void> read_target(const Value& value, Rule& rule) {
    const std::string text = TRY(value.text());
    if (text == "*") {
        rule.target = Rule::Target::any;
        return {};
    }
    if (text.find('/') != std::string::npos) {
        rule.target = Rule::Target::network;
        rule.network = TRY(read_network(value, text));
        return {};
    }
    const bool below = text.starts_with("*.");
    if (text.find('*', below ? 2 : 0) != std::string::npos) {
        return value.fail(
            fmt::format("{}: a * stands alone or for all below a name, as in *.example.org",
                        base::quote(text)));
    }
    const Result<Host> host = parse_host(std::string_view(text).substr(below ? 2 : 0));
    if (!host.ok()) return value.fail(host.error().message);
    if (const auto* name = std::get_if<std::string>(&host.value())) {
        rule.target = below ? Rule::Target::below : Rule::Target::name;
        rule.name = *name;
        return {};
    }
    if (below) return value.fail(fmt::format("{}: nothing is below an address", base::quote(text)));
    rule.target = Rule::Target::network;
    rule.network = TRY(read_network(value, text));
    return {};
}

Result<void> read_verdict(const Value& value, Verdict verdict, RuleDraft& to) {
    if (to.has_target) return value.fail("a rule has one of 'allow' and 'deny'");
    to.has_target = true;
    to.rule.verdict = verdict;
    return read_target(value, to.rule);
}

Result<PortRange> read_ports(const Value& value) {
    const std::string text = TRY(value.text());
    const std::size_t hyphen = text.find('-');
    const Result<std::uint64_t> first = base::parse_number(text.substr(0, hyphen), 1, 65535);
    const Result<std::uint64_t> last =
        hyphen == std::string::npos ? first : base::parse_number(text.substr(hyphen + 1), 1, 65535);
    if (!first.ok() || !last.ok()) {
        return value.fail(
            fmt::format("{} is neither a port from 1 to 65535 nor a range such as 8000-8100",
                        base::quote(text)));
    }
    if (first.value() > last.value()) {
        return value.fail(fmt::format("the range {} is empty", base::quote(text)));
    }
    return PortRange{static_cast<std::uint16_t>(first.value()),
                     static_cast<std::uint16_t>(last.value())};
}

// The list's items, of which there is at least one: an empty list could mean all or none.
Result<std::vector<Value>> read_items(const Value& value, std::size_t maximum) {
    std::vector<Value> items = TRY(value.items());
    if (items.empty()) return value.fail("the list is empty");
    if (items.size() > maximum) {
        return items[maximum].fail(fmt::format("more than {} entries", maximum));
    }
    return items;
}

constexpr Field<RuleDraft> kRuleFields[] = {
    {"allow", [](const Value& v, RuleDraft& to) { return read_verdict(v, Verdict::allow, to); }},
    {"deny", [](const Value& v, RuleDraft& to) { return read_verdict(v, Verdict::deny, to); }},
    {"ports",
     [](const Value& v, RuleDraft& to) -> Result<void> {
         for (const Value& item : TRY(read_items(v, kMaxPorts)))
             to.rule.ports.push_back(TRY(read_ports(item)));
         return {};
     }},
    {"transport",
     [](const Value& v, RuleDraft& to) -> Result<void> {
         to.rule.transport = TRY(v.one_of(kTransports)) == 0 ? Transport::tcp : Transport::udp;
         return {};
     }},
    {"addresses",
     [](const Value& v, RuleDraft& to) -> Result<void> {
         to.addresses_at = v.node().mark;
         for (const Value& item : TRY(read_items(v, kMaxAddresses))) {
             const std::string text = TRY(item.text());
             to.rule.addresses.push_back(TRY(read_network(item, text)));
         }
         return {};
     }},
};

Result<Rule> read_rule(const Value& value) {
    RuleDraft draft;
    TRY(codec::yaml::read_mapping(value, kRuleFields, draft));
    if (!draft.has_target) return value.fail("a rule begins with 'allow' or 'deny'");
    const bool for_name = draft.rule.target != Rule::Target::network;
    if (!draft.rule.addresses.empty() && !(for_name && draft.rule.verdict == Verdict::allow)) {
        return value.fail_at(draft.addresses_at, "addresses are for a rule that allows a name");
    }
    draft.rule.line = value.node().mark.line;
    return std::move(draft.rule);
}

constexpr Field<FileDraft> kFileFields[] = {
    {"default",
     [](const Value& v, FileDraft& to) -> Result<void> {
         to.by_default = TRY(v.one_of(kVerdicts)) == 0 ? Verdict::deny : Verdict::allow;
         return {};
     }},
    {"rules",
     [](const Value& v, FileDraft& to) -> Result<void> {
         const std::vector<Value> items = TRY(v.items());
         if (items.size() > kMaxRules) {
             return items[kMaxRules].fail(fmt::format("more than {} rules", kMaxRules));
         }
         for (const Value& item : items)
             to.rules.push_back(TRY(read_rule(item)));
         return {};
     }},
};

}  // namespace

Result<Policy> Policy::parse(std::string_view text, std::string_view file) {
    const codec::yaml::Document document = TRY(codec::yaml::parse(text, std::string(file)));
    FileDraft draft;
    TRY(codec::yaml::read_mapping(Value(document), kFileFields, draft));
    Policy policy;
    policy.file_ = document.file;
    policy.default_ = draft.by_default;
    policy.rules_ = std::move(draft.rules);
    return policy;
}

}  // namespace policy
