// The device that leads into the proxy.
#include "netlink_device.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "base/format.h"

namespace pf_proxy {

using base::Error;
using base::ExitCode;
using base::Result;
using vsockio::IpAddress;

namespace {

// By this group a device is known to be of our making.
constexpr std::uint32_t kGroup = 60'160;
// Nothing that is sent into the device reaches a wire, so packets may be as large as the loopback
// would have them.
constexpr std::uint32_t kMtu = 65'535;
constexpr std::uint16_t kAsk = NLM_F_REQUEST | NLM_F_ACK;

Error refused(std::string_view operation, const std::string& name, int problem) {
    Error error = Error::system(operation, name, problem);
    if (problem == EOPNOTSUPP) {
        return std::move(error).with_hint(
            "this kernel has no dummy devices; --device names one that is there");
    }
    return error;
}

ifinfomsg link_header(int index, unsigned flags, unsigned change) {
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = index;
    header.ifi_flags = flags;
    header.ifi_change = change;
    return header;
}

Result<void> make_device(NetlinkSocket& kernel, const std::string& name) {
    NetlinkMessage message(RTM_NEWLINK, kAsk | NLM_F_CREATE | NLM_F_EXCL);
    message.append(link_header(0, 0, 0));
    message.attribute_text(IFLA_IFNAME, name);
    message.attribute(IFLA_MTU, kMtu);
    message.attribute(IFLA_GROUP, kGroup);
    const std::size_t information = message.begin(IFLA_LINKINFO);
    message.attribute_text(IFLA_INFO_KIND, "dummy");
    message.end(information);
    const int problem = TRY(kernel.ask(message));
    if (problem != 0) return refused("make the device", name, problem);
    return {};
}

// Without link-local addresses: they would be a second one to send from, after seconds in which the
// kernel looks for their duplicates.
Result<void> start_device(NetlinkSocket& kernel, const std::string& name, int index) {
    NetlinkMessage plain(RTM_SETLINK, kAsk);
    plain.append(link_header(index, 0, 0));
    const std::size_t families = plain.begin(IFLA_AF_SPEC);
    const std::size_t v6 = plain.begin(AF_INET6);
    plain.attribute<std::uint8_t>(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    plain.end(v6);
    plain.end(families);
    int problem = TRY(kernel.ask(plain));
    if (problem != 0) return refused("set up the device", name, problem);
    NetlinkMessage up(RTM_SETLINK, kAsk);
    up.append(link_header(index, IFF_UP, IFF_UP));
    problem = TRY(kernel.ask(up));
    if (problem != 0) return refused("bring up the device", name, problem);
    return {};
}

NetlinkMessage address_message(std::uint16_t type, std::uint16_t flags, int index,
                               const IpAddress& address) {
    NetlinkMessage message(type, flags);
    ifaddrmsg header{};
    header.ifa_family = address.is_v4 ? AF_INET : AF_INET6;
    header.ifa_prefixlen = static_cast<std::uint8_t>(address.bits());
    header.ifa_scope = RT_SCOPE_UNIVERSE;
    header.ifa_index = static_cast<unsigned>(index);
    message.append(header);
    const auto bytes = std::span(address.bytes).first(address.bits() / 8);
    message.attribute_bytes(IFA_LOCAL, bytes);
    message.attribute_bytes(IFA_ADDRESS, bytes);
    message.attribute<std::uint32_t>(IFA_FLAGS, IFA_F_NODAD | IFA_F_PERMANENT);
    return message;
}

// Whether the device is one of make_device().
Result<bool> is_ours(NetlinkSocket& kernel, int index) {
    bool grouped = false;
    bool dummy = false;
    NetlinkMessage message(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
    message.append(link_header(0, 0, 0));
    TRY(kernel.list(message, [&](const NetlinkPart& part) {
        std::span<const std::byte> rest = part.body;
        const std::optional<ifinfomsg> header = take_plain<ifinfomsg>(rest);
        if (!header.has_value() || header->ifi_index != index) return;
        while (const std::optional<NetlinkAttribute> attribute = take_attribute(rest)) {
            if (attribute->type == IFLA_GROUP) grouped = attribute->as<std::uint32_t>() == kGroup;
            if (attribute->type != IFLA_LINKINFO) continue;
            std::span<const std::byte> inner = attribute->value;
            while (const std::optional<NetlinkAttribute> kind = take_attribute(inner)) {
                if (kind->type == IFLA_INFO_KIND) dummy = kind->as_text() == "dummy";
            }
        }
    }));
    return grouped && dummy;
}

}  // namespace

Result<int> ensure_device(NetlinkSocket& kernel, const std::string& name,
                          const std::vector<IpAddress>& addresses) {
    if (name.empty() || name.size() >= IFNAMSIZ) {
        return Error::usage(fmt::format("'{}' is no name for a device", name));
    }
    int index = static_cast<int>(::if_nametoindex(name.c_str()));
    if (index == 0) {
        TRY(make_device(kernel, name));
        index = static_cast<int>(::if_nametoindex(name.c_str()));
        if (index == 0) return Error::system("find the device", name);
        TRY(start_device(kernel, name, index));
    }
    for (const IpAddress& address : addresses) {
        NetlinkMessage message =
            address_message(RTM_NEWADDR, kAsk | NLM_F_CREATE | NLM_F_REPLACE, index, address);
        const int problem = TRY(kernel.ask(message));
        if (problem != 0) return refused("give " + to_string(address) + " to", name, problem);
    }
    return index;
}

Result<void> remove_device(NetlinkSocket& kernel, const std::string& name,
                           const std::vector<IpAddress>& addresses) {
    const int index = static_cast<int>(::if_nametoindex(name.c_str()));
    if (index == 0) return {};
    if (TRY(is_ours(kernel, index))) {
        NetlinkMessage message(RTM_DELLINK, kAsk);
        message.append(link_header(index, 0, 0));
        const int problem = TRY(kernel.ask(message));
        if (problem != 0) return refused("remove the device", name, problem);
        return {};
    }
    for (const IpAddress& address : addresses) {
        NetlinkMessage message = address_message(RTM_DELADDR, kAsk, index, address);
        const int problem = TRY(kernel.ask(message));
        if (problem != 0 && problem != EADDRNOTAVAIL) {
            return refused("take " + to_string(address) + " from", name, problem);
        }
    }
    return {};
}

}  // namespace pf_proxy
