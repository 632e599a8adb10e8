// --explain: the policy's reasons for people.
#include "base/file.h"
#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "policy/host_name.h"
#include "policy/policy.h"
#include "run_mode.h"
#include "server.h"

namespace pf_proxy {

using base::Error;
using base::Result;

Result<int> explain(const std::string& policy_file, std::string_view question) {
    Settings settings;
    settings.mode = Mode::vsock_to_ip_transparent;
    settings.policy_file = policy_file;
    const std::shared_ptr<const policy::Policy> policy = TRY(load_policy(settings));

    vsockio::Transport transport = vsockio::Transport::tcp;
    std::string_view rest = question;
    if (rest.ends_with("/udp")) transport = vsockio::Transport::udp;
    if (rest.ends_with("/udp") || rest.ends_with("/tcp")) rest.remove_suffix(4);
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos) {
        return Error::usage(fmt::format("--explain {}: a port is missing", base::quote(question)),
                            "as in --explain example.org:443");
    }
    const auto port =
        static_cast<std::uint16_t>(TRY(base::parse_number(rest.substr(colon + 1), 0, 65535)));
    std::string_view host = rest.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);

    std::string text;
    for (const std::string& line : policy->explain(host, std::nullopt, port, transport))
        text += line + "\n";
    TRY(base::print(text));
    const policy::Decision decision = policy->judge_name(host, port, transport);
    return decision.allowed ? 0 : 1;
}

}  // namespace pf_proxy
