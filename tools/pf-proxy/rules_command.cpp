// pf-proxy rules: one plan for each mode, which is printed, applied or removed.
#include "rules_command.h"

#include <linux/netlink.h>

#include "base/file.h"
#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "netlink_routing.h"
#include "nftables.h"
#include "routing.h"
#include "rules.h"
#include "settings.h"

namespace pf_proxy {

using base::Arguments;
using base::Error;
using base::Result;

namespace {

constexpr std::size_t kMaximumPolicyBytes = 256 * 1024;

struct Plan {
    std::string_view table;
    std::string ruleset;
    Routing routing;
    const RoutingRange* range = nullptr;  // nothing where a mode needs no routing
};

Result<void> expect_name(std::string_view option, std::string_view name) {
    constexpr std::size_t kMaximum = 15;  // IFNAMSIZ with its zero is 16
    const bool plain = name.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "0123456789_.-") == std::string_view::npos;
    if (!name.empty() && name.size() <= kMaximum && plain) return {};
    return Error::usage(fmt::format("--{}: {} is no name for a device", option, base::quote(name)));
}

Result<Plan> egress_plan(const Arguments& arguments, std::uint16_t port) {
    const std::string_view device = arguments.value("device");
    TRY(expect_name("device", device));
    Plan plan{.table = kEgressTable, .range = &kEgressRange};
    plan.ruleset = to_text(EgressRules{
        .device = std::string(device), .port = port, .hold = !arguments.has("no-hold")});
    if (arguments.has("remove")) {
        plan.routing = egress_routing(policy::Policy::deny_all(), device);
        return plan;
    }
    const std::string file(arguments.value("policy"));
    const std::string text = TRY(base::read_file(file, kMaximumPolicyBytes));
    plan.routing = egress_routing(TRY(policy::Policy::parse(text, file)), device);
    return plan;
}

Result<std::vector<policy::PortRange>> given_ports(const Arguments& arguments) {
    if (!arguments.has("ports")) {
        if (arguments.has("remove")) return std::vector<policy::PortRange>{{1, 1}};
        return Error::usage("--ports is missing: which ports are caught is never guessed");
    }
    return parse_ports(arguments.value("ports"));
}

Result<Plan> ingress_plan(const Arguments& arguments, std::uint16_t port) {
    IngressRules rules{.ports = TRY(given_ports(arguments)), .port = port};
    if (arguments.has("interface")) {
        TRY(expect_name("interface", arguments.value("interface")));
        rules.interface = arguments.value("interface");
    }
    Plan plan{.table = kIngressTable};
    plan.ruleset = to_text(rules);
    return plan;
}

Result<Plan> answers_plan(const Arguments& arguments, Answering answering) {
    const AnswerRules rules{TRY(given_ports(arguments))};
    for (const policy::PortRange& range : rules.ports) {
        if (range.last == 65'535) return Error::usage("--ports: the kernel routes up to 65534");
    }
    Plan plan{.table = kAnswersTable, .range = &kReturnRange};
    plan.ruleset = to_text(rules);
    plan.routing = return_routing(rules.ports, answering);
    return plan;
}

Result<Plan> make_plan(const Arguments& arguments) {
    TRY(arguments.expect_operands(1, 1));
    if (arguments.has("apply") && arguments.has("remove")) {
        return Error::usage("--apply and --remove exclude each other");
    }
    const auto port = static_cast<std::uint16_t>(TRY(arguments.number("port", 1, 65'535)));
    const std::string_view mode = arguments.operands[0];
    const bool keeps_ports = mode == "transparent-port-to-vsock";
    if (arguments.has("source") && !keeps_ports) {
        return Error::usage(fmt::format("--source makes no difference to the rules of {}", mode));
    }
    if (mode == "ip-to-vsock-transparent") return egress_plan(arguments, port);
    if (keeps_ports && TRY(is_client_source(arguments))) {
        return answers_plan(arguments, Answering::loopback);
    }
    if (mode == "ip-to-vsock" || keeps_ports) return ingress_plan(arguments, port);
    if (mode == "vsock-to-ip") return answers_plan(arguments, Answering::anybody);
    if (mode == "vsock-to-ip-transparent" || mode == "addr-info") {
        return Error::usage(fmt::format("{} needs no rules", mode));
    }
    return Error::usage(fmt::format("{} is no mode", base::quote(mode)));
}

Result<void> remove(const Plan& plan, NetlinkSocket& kernel) {
    const Result<void> table = run_nftables(removal_text(plan.table));
    if (plan.range != nullptr) TRY(remove_routing(kernel, plan.routing, *plan.range));
    return table;
}

// The ruleset first: it catches nothing until there are routes into the device.
Result<void> apply(const Plan& plan, NetlinkSocket& kernel) {
    TRY(run_nftables(plan.ruleset));
    if (plan.range == nullptr) return {};
    Result<void> applied = apply_routing(kernel, plan.routing, *plan.range);
    // Half of it would let through or hold back what nobody meant.
    if (!applied.ok() && !remove(plan, kernel).ok()) {
        return std::move(applied).error().with_hint("some of it is left; use --remove");
    }
    return applied;
}

}  // namespace

Result<int> run_rules(const Arguments& arguments) {
    const Plan plan = TRY(make_plan(arguments));
    if (!arguments.has("apply") && !arguments.has("remove")) {
        std::string text = to_text(plan.routing);
        text += fmt::format("nft -f - <<'END'\n{}END\n", plan.ruleset);
        TRY(base::print(text));
        return 0;
    }
    NetlinkSocket kernel = TRY(NetlinkSocket::open(NETLINK_ROUTE));
    TRY(arguments.has("apply") ? apply(plan, kernel) : remove(plan, kernel));
    return 0;
}

}  // namespace pf_proxy
