// Messages of netlink(7), and asking the kernel.
#include "netlink.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>

#include "base/text.h"

namespace pf_proxy {

using base::Error;
using base::Result;

namespace {

constexpr std::size_t aligned(std::size_t size) {
    return (size + NLA_ALIGNTO - 1) & ~static_cast<std::size_t>(NLA_ALIGNTO - 1);
}

// The kernel fills at most 32 KiB of a dump at once.
constexpr std::size_t kDatagramBytes = 64 * 1024;
constexpr timeval kAnswerLimit{.tv_sec = 5, .tv_usec = 0};

}  // namespace

NetlinkMessage::NetlinkMessage(std::uint16_t type, std::uint16_t flags) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = flags;
    append(header);
}

void NetlinkMessage::append_bytes(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    bytes_.resize(aligned(bytes_.size()));
}

void NetlinkMessage::attribute_bytes(std::uint16_t type, std::span<const std::byte> value) {
    nlattr header{};
    header.nla_len = static_cast<std::uint16_t>(sizeof(header) + value.size());
    header.nla_type = type;
    append(header);
    append_bytes(value);
}

void NetlinkMessage::attribute_text(std::uint16_t type, std::string_view text) {
    attribute_bytes(type, base::as_bytes(std::string(text) + '\0'));
}

std::size_t NetlinkMessage::begin(std::uint16_t type) {
    const std::size_t begun = bytes_.size();
    attribute_bytes(static_cast<std::uint16_t>(type | NLA_F_NESTED), {});
    return begun;
}

void NetlinkMessage::end(std::size_t begun) {
    const auto length = static_cast<std::uint16_t>(bytes_.size() - begun);
    std::memcpy(bytes_.data() + begun, &length, sizeof(length));
}

std::span<const std::byte> NetlinkMessage::bytes(std::uint32_t sequence) {
    nlmsghdr header;
    std::memcpy(&header, bytes_.data(), sizeof(header));
    header.nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    header.nlmsg_seq = sequence;
    std::memcpy(bytes_.data(), &header, sizeof(header));
    return bytes_;
}

std::string_view NetlinkAttribute::as_text() const {
    const std::string_view text = base::as_text(value);
    return text.substr(0, text.find('\0'));
}

std::optional<NetlinkAttribute> take_attribute(std::span<const std::byte>& bytes) {
    nlattr header;
    if (bytes.size() < sizeof(header)) return std::nullopt;
    std::memcpy(&header, bytes.data(), sizeof(header));
    if (header.nla_len < sizeof(header) || header.nla_len > bytes.size()) return std::nullopt;
    NetlinkAttribute attribute;
    attribute.type = static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK);
    attribute.value = bytes.subspan(sizeof(header), header.nla_len - sizeof(header));
    bytes = bytes.subspan(std::min(bytes.size(), aligned(header.nla_len)));
    return attribute;
}

std::optional<NetlinkPart> take_part(std::span<const std::byte>& datagram) {
    nlmsghdr header;
    if (datagram.size() < sizeof(header)) return std::nullopt;
    std::memcpy(&header, datagram.data(), sizeof(header));
    if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > datagram.size()) {
        return std::nullopt;
    }
    NetlinkPart part{header.nlmsg_type, header.nlmsg_seq,
                     datagram.subspan(sizeof(header), header.nlmsg_len - sizeof(header))};
    datagram = datagram.subspan(std::min(datagram.size(), aligned(header.nlmsg_len)));
    return part;
}

Result<NetlinkSocket> NetlinkSocket::open(int family) {
    base::Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family));
    if (!fd.valid()) return Error::system("open", "a netlink socket");
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return Error::system("bind", "a netlink socket");
    }
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kAnswerLimit, sizeof(kAnswerLimit)) != 0) {
        return Error::system("set a limit for", "a netlink socket");
    }
    return NetlinkSocket(std::move(fd));
}

Result<void> NetlinkSocket::send(NetlinkMessage& message) {
    const std::span<const std::byte> bytes = message.bytes(++sequence_);
    if (::send(fd_.get(), bytes.data(), bytes.size(), 0) < 0) {
        return Error::system("ask", "the kernel over netlink");
    }
    return {};
}

Result<std::span<const std::byte>> NetlinkSocket::receive() {
    memory_.resize(kDatagramBytes);
    for (;;) {
        sockaddr_nl from{};
        socklen_t length = sizeof(from);
        const ssize_t got = ::recvfrom(fd_.get(), memory_.data(), memory_.size(), 0,
                                       reinterpret_cast<sockaddr*>(&from), &length);
        if (got < 0 && errno == EINTR) continue;
        // ENOBUFS: datagrams were lost, of which whoever waits for one finds out by its limit.
        if (got < 0 && errno == ENOBUFS) continue;
        if (got < 0 && errno == EAGAIN && is_nonblocking_) return std::span<const std::byte>();
        if (got < 0) return Error::system("hear from", "the kernel over netlink");
        // Any process may send to the socket's address.
        if (from.nl_pid != 0) continue;
        return std::span<const std::byte>(memory_).first(static_cast<std::size_t>(got));
    }
}

Result<int> NetlinkSocket::answers(const Each& each) {
    for (;;) {
        std::span<const std::byte> datagram = TRY(receive());
        while (const std::optional<NetlinkPart> part = take_part(datagram)) {
            if (part->sequence != sequence_) continue;
            if (part->type == NLMSG_ERROR || part->type == NLMSG_DONE) {
                std::span<const std::byte> body = part->body;
                return -take_plain<int>(body).value_or(0);
            }
            if (each) each(*part);
        }
    }
}

Result<void> NetlinkSocket::set_nonblocking() {
    TRY(base::set_nonblocking(fd_.get(), true));
    is_nonblocking_ = true;
    return {};
}

Result<void> NetlinkSocket::hear(std::size_t most, const Each& each) {
    for (std::size_t count = 0; count < most; ++count) {
        std::span<const std::byte> datagram = TRY(receive());
        if (datagram.empty()) return {};
        while (const std::optional<NetlinkPart> part = take_part(datagram))
            each(*part);
    }
    return {};
}

Result<int> NetlinkSocket::ask(NetlinkMessage& message) {
    TRY(send(message));
    return answers({});
}

Result<void> NetlinkSocket::list(NetlinkMessage& message, const Each& each) {
    TRY(send(message));
    const int problem = TRY(answers(each));
    if (problem != 0) return Error::system("list", "what the kernel has", problem);
    return {};
}

}  // namespace pf_proxy
