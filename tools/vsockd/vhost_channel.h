// The vhost-user socket of one guest: whole messages with their descriptors in, replies out.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "vhost_message.h"

namespace vsockd {

struct Message {
    MessageHeader header;
    Payload payload;
    std::vector<base::Fd> descriptors;
};

class VhostChannel {
  public:
    // Takes a non-blocking connected socket.
    explicit VhostChannel(base::Fd socket) : socket_(std::move(socket)) {}

    int fd() const { return socket_.get(); }

    enum class Status { message, nothing, ended };
    struct Received {
        Status status = Status::nothing;
        Message message;
    };
    // The next message, as far as it has come. Error for what breaks the protocol.
    base::Result<Received> receive();

    // Error (protocol) when the front end lets replies pile up.
    base::Result<void> send(std::span<const std::byte> reply);

  private:
    base::Result<Status> fill(std::size_t wanted);
    base::Result<void> take_descriptors(msghdr& message);

    base::Fd socket_;
    std::array<std::byte, kMessageHeaderBytes + kMaximumMessagePayload> bytes_{};
    std::size_t filled_ = 0;
    std::optional<MessageHeader> header_;
    std::vector<base::Fd> descriptors_;
};

// Whether the other end of a connected socket has gone, without reading from it.
bool peer_is_gone(int socket);

}  // namespace vsockd
