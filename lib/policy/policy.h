// Which destinations traffic may have: an ordered list of rules, read from policy(5), and the
// decision about one request. Pure: resolves, connects and logs nothing, so whoever asks must
// connect to the very address that was judged, never to the name once more.
//
//   judge_name()   before resolving: a name that is denied is not even asked for
//   judge()        with the address that will be connected to
//   explain()      the same for people, rule by rule
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/rule.h"
#include "vsockio/ip_address.h"

namespace policy {

inline constexpr std::size_t kMaxRules = 1024;
inline constexpr std::size_t kMaxPorts = 64;      // numbers and ranges of one rule
inline constexpr std::size_t kMaxAddresses = 64;  // networks of one rule

struct Request {
    std::string_view name;  // as it came; empty when there is only an address
    vsockio::IpAddress address;
    std::uint16_t port = 0;
    vsockio::Transport transport = vsockio::Transport::tcp;
};

struct Decision {
    bool allowed = false;
    std::size_t line = 0;  // of the rule that decided, 0 when none did
    std::string reason;    // "line 4 denies 10.0.0.0/8"; safe to print whatever was asked for
};

class Policy {
  public:
    // `file` is the name that Errors (config) carry: "FILE:LINE:COLUMN: message". An empty text is
    // a policy without rules, which denies everything.
    static base::Result<Policy> parse(std::string_view text, std::string_view file);
    static Policy deny_all() { return {}; }

    // A name that is an address must be `address`. Mapped addresses are judged as IPv4.
    Decision judge(const Request& request) const;

    // Whether a host may be asked for. Rules for networks say nothing about names, so a name needs
    // a rule of its own, or * or default: allow. A host that is an address is judged as one.
    Decision judge_name(std::string_view host, std::uint16_t port,
                        vsockio::Transport transport) const;
    // The same for a resolver, which knows no port: allowed when it is for at least one.
    Decision judge_name(std::string_view host) const;
    // And for an address that a resolver found for `name`: whether any connection to it could be
    // allowed, so that an answer holds no address which is refused whatever the port.
    Decision judge_found(std::string_view name, const vsockio::IpAddress& address) const;

    // A line for each rule with what it makes of the request, then the decision, which is that of
    // judge(), or of judge_name() without an address. `host` may be empty if `address` is given.
    std::vector<std::string> explain(std::string_view host,
                                     const std::optional<vsockio::IpAddress>& address,
                                     std::uint16_t port, vsockio::Transport transport) const;

    // In the order of the file; the first that matches decides.
    std::span<const Rule> rules() const { return rules_; }
    Verdict default_verdict() const { return default_; }
    const std::string& file() const { return file_; }

  private:
    Policy() = default;
    Decision decide(const Query& query) const;
    Decision decide_any_port(Query query) const;
    Decision without_rule(const Query& query) const;

    std::string file_;
    Verdict default_ = Verdict::deny;
    std::vector<Rule> rules_;
};

}  // namespace policy
