// pf-proxy addr-info: what the other modes will find on this machine, as lines or JSON.
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>

#include "base/fd.h"
#include "base/file.h"
#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "codec/json.h"
#include "peer.h"
#include "routes.h"
#include "run_mode.h"
#include "vsockio/dial.h"

namespace pf_proxy {

using base::Error;
using base::Fd;
using base::Result;
using codec::json::Value;

namespace {

constexpr std::size_t kMostProcBytes = 16 * 1024 * 1024;

struct Interface {
    bool up = false;
    bool loopback = false;
    std::vector<std::string> addresses;
};

// A feature, and why it is not there: the text of an errno, or empty when it is.
struct Feature {
    std::string_view name;
    std::string_view use;
    int errno_value;
};

Result<std::map<std::string, Interface>> interfaces() {
    ifaddrs* found = nullptr;
    if (::getifaddrs(&found) != 0) return Error::system("list", "interfaces");
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(found, &::freeifaddrs);
    std::map<std::string, Interface> interfaces;
    for (const ifaddrs* entry = found; entry != nullptr; entry = entry->ifa_next) {
        Interface& interface = interfaces[entry->ifa_name];
        interface.up = (entry->ifa_flags & IFF_UP) != 0;
        interface.loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
        if (entry->ifa_addr == nullptr) continue;
        const int family = entry->ifa_addr->sa_family;
        if (family != AF_INET && family != AF_INET6) continue;
        sockaddr_storage native{};
        std::memcpy(&native, entry->ifa_addr,
                    family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
        if (const auto endpoint = vsockio::from_socket_address(native)) {
            interface.addresses.push_back(to_string(endpoint->address));
        }
    }
    return interfaces;
}

std::vector<ListedRoute> routes() {
    std::vector<ListedRoute> all;
    const Result<std::string> v4 = base::read_file("/proc/net/route", kMostProcBytes);
    if (v4.ok()) all = parse_ipv4_routes(v4.value());
    const Result<std::string> v6 = base::read_file("/proc/net/ipv6_route", kMostProcBytes);
    if (v6.ok()) std::ranges::move(parse_ipv6_routes(v6.value()), std::back_inserter(all));
    return all;
}

std::vector<std::string> nameservers() {
    const Result<std::string> text = base::read_file("/etc/resolv.conf", 64 * 1024);
    return text.ok() ? parse_nameservers(text.value()) : std::vector<std::string>();
}

// Asks for the original destination of a connection to ourselves. That it was not redirected is as
// good an answer as any; an errno says that the kernel keeps no account.
int try_original(const vsockio::IpAddress& loopback, int level) {
    const vsockio::SocketAddress any = vsockio::socket_address({loopback, 0});
    const auto* native = reinterpret_cast<const sockaddr*>(any.bytes);
    const Fd listener(::socket(any.family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Fd client(::socket(any.family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener.valid() || !client.valid()) return errno;
    if (::bind(listener.get(), native, any.length) != 0 || ::listen(listener.get(), 1) != 0) {
        return errno;
    }
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    if (::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0 ||
        ::connect(client.get(), reinterpret_cast<const sockaddr*>(&own), size) != 0) {
        return errno;
    }
    const Fd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!accepted.valid()) return errno;
    // Without a rule that translates addresses nothing is tracked: the kernel is able to all the
    // same.
    const int failure = original_destination_errno(accepted.get(), level);
    return failure == ENOENT ? 0 : failure;
}

int try_transparent() {
    const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return errno;
    const Result<void> allowed = allow_foreign_addresses(fd.get());
    return allowed.ok() ? 0 : allowed.error().errno_value;
}

std::vector<Feature> features() {
    return {
        {"redirect_ipv4", "redirected connections",
         try_original(vsockio::IpAddress::v4(127, 0, 0, 1), SOL_IP)},
        {"redirect_ipv6", "redirected connections",
         try_original(vsockio::IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 1}), SOL_IPV6)},
        {"transparent", "--tproxy and --source client", try_transparent()},
    };
}

std::optional<std::uint32_t> local_cid() {
    const Fd device(::open("/dev/vsock", O_RDONLY | O_CLOEXEC));
    std::uint32_t cid = 0;
    if (!device.valid() || ::ioctl(device.get(), IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) != 0) {
        return std::nullopt;
    }
    return cid;
}

Value texts(const std::vector<std::string>& lines) {
    Value array{codec::json::Array()};
    for (const std::string& line : lines)
        array.append(line);
    return array;
}

std::string as_json(const std::map<std::string, Interface>& all_interfaces) {
    Value document;
    Value list{codec::json::Array()};
    for (const auto& [name, interface] : all_interfaces) {
        Value item;
        item.set("name", name).set("up", interface.up).set("loopback", interface.loopback);
        item.set("addresses", texts(interface.addresses));
        list.append(std::move(item));
    }
    document.set("interfaces", std::move(list));
    Value table{codec::json::Array()};
    for (const ListedRoute& route : routes()) {
        Value item;
        item.set("destination", to_string(route.destination)).set("interface", route.interface);
        item.set("gateway", route.gateway ? Value(to_string(*route.gateway)) : Value());
        item.set("metric", std::int64_t{route.metric});
        table.append(std::move(item));
    }
    document.set("routes", std::move(table));
    document.set("nameservers", texts(nameservers()));
    const std::optional<std::uint32_t> cid = local_cid();
    document.set("vsock_cid", cid ? Value(std::int64_t{*cid}) : Value());
    for (const Feature& feature : features())
        document.set(feature.name, feature.errno_value == 0);
    return codec::json::write(document, 2) + "\n";
}

std::string as_lines(const std::map<std::string, Interface>& all_interfaces) {
    std::string text;
    for (const auto& [name, interface] : all_interfaces) {
        text += fmt::format("interface   {} {}{}", base::escape(name), interface.up ? "up" : "down",
                            interface.loopback ? " loopback" : "");
        for (const std::string& address : interface.addresses)
            text += " " + address;
        text += "\n";
    }
    for (const ListedRoute& route : routes()) {
        text += fmt::format("route       {} {}{}{} metric {}\n", to_string(route.destination),
                            base::escape(route.interface), route.gateway ? " by " : "",
                            route.gateway ? to_string(*route.gateway) : "", route.metric);
    }
    for (const std::string& server : nameservers())
        text += fmt::format("nameserver  {}\n", base::escape(server));
    const std::optional<std::uint32_t> cid = local_cid();
    text += fmt::format("vsock       {}\n", cid ? fmt::format("CID {}", *cid) : "none");
    for (const Feature& feature : features()) {
        text += fmt::format("{:<13} {} ({})\n", feature.name,
                            feature.errno_value == 0 ? "yes" : std::strerror(feature.errno_value),
                            feature.use);
    }
    return text;
}

}  // namespace

Result<int> addr_info(const base::Arguments& arguments) {
    TRY(arguments.expect_operands(0, 0));
    const std::map<std::string, Interface> all_interfaces = TRY(interfaces());
    TRY(base::print(arguments.has("json") ? as_json(all_interfaces) : as_lines(all_interfaces)));
    return 0;
}

}  // namespace pf_proxy
