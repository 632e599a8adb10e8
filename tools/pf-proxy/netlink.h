// Messages of netlink(7): building, walking, and a socket that asks and waits for the answer. Not
// the messages' meaning. Integers are in the machine's order unless a field says otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace pf_proxy {

class NetlinkMessage {
  public:
    NetlinkMessage(std::uint16_t type, std::uint16_t flags);

    template <typename T>
    void append(const T& plain) {
        static_assert(std::is_trivially_copyable_v<T>);
        append_bytes(std::as_bytes(std::span(&plain, 1)));
    }
    template <typename T>
    void attribute(std::uint16_t type, const T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        attribute_bytes(type, std::as_bytes(std::span(&value, 1)));
    }
    void attribute_bytes(std::uint16_t type, std::span<const std::byte> value);
    void attribute_text(std::uint16_t type, std::string_view text);  // with a zero behind it
    // Attributes until the end belong to this one.
    std::size_t begin(std::uint16_t type);
    void end(std::size_t begun);

    // The whole message with its lengths, padded for another to follow.
    std::span<const std::byte> bytes(std::uint32_t sequence);

  private:
    void append_bytes(std::span<const std::byte> bytes);
    std::vector<std::byte> bytes_;
};

struct NetlinkAttribute {
    std::uint16_t type = 0;  // without the flags
    std::span<const std::byte> value;

    // Nothing when the value has another size.
    template <typename T>
    std::optional<T> as() const {
        if (value.size() != sizeof(T)) return std::nullopt;
        T plain;
        std::memcpy(&plain, value.data(), sizeof(T));
        return plain;
    }
    std::string_view as_text() const;  // until the zero
};

// A header at the front of `bytes`, which are shortened to what follows it; nothing when they are
// too few.
template <typename T>
std::optional<T> take_plain(std::span<const std::byte>& bytes) {
    if (bytes.size() < sizeof(T)) return std::nullopt;
    T plain;
    std::memcpy(&plain, bytes.data(), sizeof(T));
    bytes = bytes.subspan(std::min(bytes.size(), (sizeof(T) + 3) & ~std::size_t{3}));
    return plain;
}

// The next attribute, or message in a datagram; nothing at the end or when its length is wrong.
std::optional<NetlinkAttribute> take_attribute(std::span<const std::byte>& bytes);
struct NetlinkPart {
    std::uint16_t type = 0;
    std::uint32_t sequence = 0;
    std::span<const std::byte> body;
};
std::optional<NetlinkPart> take_part(std::span<const std::byte>& datagram);

// A socket of which one request is under way at a time. Nothing that it asks makes the kernel wait
// for anybody else, so answers are there at once; a deadline guards it still.
class NetlinkSocket {
  public:
    // A NETLINK_... number of netlink(7).
    static base::Result<NetlinkSocket> open(int family);

    int fd() const { return fd_.get(); }
    void close() { fd_.reset(); }  // everything fails from then on
    using Each = std::function<void(const NetlinkPart& part)>;
    // 0, or the errno with which the kernel refused. An Error when there was no answer.
    base::Result<int> ask(NetlinkMessage& message);
    // The answers to a request with NLM_F_DUMP.
    base::Result<void> list(NetlinkMessage& message, const Each& each);
    // Without an answer, unless the kernel refuses: that comes as a part of type NLMSG_ERROR.
    base::Result<void> tell(NetlinkMessage& message) { return send(message); }
    // What comes unasked, after set_nonblocking(), which ends asking and listing. Returns when
    // nothing is left, or after `most` datagrams.
    base::Result<void> set_nonblocking();
    base::Result<void> hear(std::size_t most, const Each& each);

  private:
    explicit NetlinkSocket(base::Fd fd) : fd_(std::move(fd)) {}
    base::Result<void> send(NetlinkMessage& message);
    // One datagram in `memory_`, only from the kernel; empty when a non-blocking socket has none.
    base::Result<std::span<const std::byte>> receive();
    // The answers to the request sent last, until its end: 0 or an errno.
    base::Result<int> answers(const Each& each);

    base::Fd fd_;
    bool is_nonblocking_ = false;
    std::uint32_t sequence_ = 0;
    std::vector<std::byte> memory_;
};

}  // namespace pf_proxy
