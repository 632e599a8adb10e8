// What each vhost-user message does.
#include "session.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/bytes.h"
#include "base/format.h"

namespace vsockd {

using base::Error;
using base::ExitCode;
using base::Fd;
using base::Result;

namespace {

constexpr std::uint64_t bit(unsigned number) {
    return std::uint64_t{1} << number;
}
constexpr std::uint64_t kIndirect = bit(28);
constexpr std::uint64_t kEventIndex = bit(29);
constexpr std::uint64_t kProtocolFeatures = bit(30);
constexpr std::uint64_t kVersion1 = bit(32);
constexpr std::uint64_t kAccessPlatform = bit(33);
constexpr std::uint64_t kPackedRing = bit(34);
constexpr std::uint64_t kOffered = kIndirect | kEventIndex | kProtocolFeatures | kVersion1;

// MQ, REPLY_ACK, CONFIG, RESET_DEVICE.
constexpr std::uint64_t kOfferedProtocol = bit(0) | bit(3) | bit(9) | bit(13);
// A front end sends a dozen messages to start; more than these wait for the next turn.
constexpr int kMessagesPerTurn = 32;

}  // namespace

Result<std::unique_ptr<Session>> Session::create(loop::Loop& loop, const Settings& settings,
                                                 Router& router, Drains& drains, std::uint32_t cid,
                                                 Fd socket, Ended ended) {
    std::unique_ptr<Session> session(
        new Session(loop, settings, router, drains, cid, std::move(socket), std::move(ended)));
    Session* self = session.get();
    session->poll_ =
        TRY(loop::Poll::create(loop, session->socket(), [self](int) { self->on_readable(); }));
    session->poll_->watch(loop::Poll::kReadable);
    return session;
}

Session::Session(loop::Loop& loop, const Settings& settings, Router& router, Drains& drains,
                 std::uint32_t cid, Fd socket, Ended ended)
    : loop_(loop),
      cid_(cid),
      on_ended_(std::move(ended)),
      channel_(std::move(socket)),
      device_(loop, settings, router, drains, cid,
              [this](std::string_view reason) { end(std::string(reason), true); }) {}

Session::~Session() {
    ended_ = true;
    // What a killed guest had put into its ring still goes to the host.
    for (std::uint32_t index = kQueueCount; index-- > 0;)
        stop(index);
}

void Session::end(std::string reason, bool violation) {
    if (ended_) return;
    ended_ = true;
    poll_.reset();
    for (Ring& ring : rings_)
        ring.kick_poll.reset();
    on_ended_(std::move(reason), violation);
}

void Session::on_readable() {
    for (int count = 0; count < kMessagesPerTurn && !ended_; ++count) {
        Result<VhostChannel::Received> received = channel_.receive();
        if (!received.ok()) {
            end(received.error().message, true);
            return;
        }
        if (received->status == VhostChannel::Status::nothing) return;
        if (received->status == VhostChannel::Status::ended) {
            end("the front end has gone", false);
            return;
        }
        const Result<void> handled = handle(std::move(received->message));
        if (!handled.ok()) end(handled.error().message, true);
    }
}

Result<void> Session::handle(Message message) {
    switch (message.header.request) {
        case Request::get_features:
        case Request::get_protocol_features:
        case Request::get_queue_count:
        case Request::get_config:
        case Request::get_ring_base: return answer_query(message);
        default: break;
    }
    TRY(apply(message));
    if (!message.header.wants_reply) return {};
    return channel_.send(encode_number_reply(message.header.request, 0));
}

Result<void> Session::answer_query(const Message& message) {
    const Request request = message.header.request;
    switch (request) {
        case Request::get_features: return channel_.send(encode_number_reply(request, kOffered));
        case Request::get_protocol_features:
            return channel_.send(encode_number_reply(request, kOfferedProtocol));
        case Request::get_queue_count:
            return channel_.send(encode_number_reply(request, kQueueCount));
        case Request::get_config: {
            std::array<std::byte, 8> config{};
            base::store_le<std::uint64_t>(config, cid_);
            return channel_.send(
                encode_config_reply(std::get<ConfigAccess>(message.payload), config));
        }
        default: break;
    }
    const std::uint32_t index = std::get<RingState>(message.payload).index;
    stop(index);
    rings_[index].kick_poll.reset();
    rings_[index].kick.reset();
    return channel_.send(encode_ring_state_reply(request, {index, rings_[index].base}));
}

Result<void> Session::apply(Message& message) {
    switch (message.header.request) {
        case Request::set_features: return set_features(std::get<Number>(message.payload).value);
        case Request::set_memory_table:
            return set_memory(std::get<MemoryDescription>(message.payload),
                              std::move(message.descriptors));
        case Request::set_ring_size: {
            const auto state = std::get<RingState>(message.payload);
            stop(state.index);
            rings_[state.index].layout.size = state.value;
            return start(state.index);
        }
        case Request::set_ring_address: {
            const auto address = std::get<RingAddress>(message.payload);
            stop(address.index);
            Ring& ring = rings_[address.index];
            ring.layout.descriptors = address.descriptors;
            ring.layout.available = address.available;
            ring.layout.used = address.used;
            ring.addressed = true;
            return start(address.index);
        }
        case Request::set_ring_base: {
            const auto state = std::get<RingState>(message.payload);
            stop(state.index);
            Ring& ring = rings_[state.index];
            // A machine that was paused goes on where it was; any other place is a new driver.
            if (state.value != ring.base) device_.forget_connections();
            ring.base = static_cast<std::uint16_t>(state.value);
            return start(state.index);
        }
        case Request::set_ring_enable: {
            const auto state = std::get<RingState>(message.payload);
            if (state.value == 0) stop(state.index);
            rings_[state.index].enabled = state.value != 0;
            return start(state.index);
        }
        case Request::set_ring_kick: return set_kick(message);
        case Request::set_ring_call: return set_call(message);
        case Request::reset_owner:
        case Request::reset_device: reset_device(); return {};
        case Request::set_protocol_features:
            if ((std::get<Number>(message.payload).value & ~kOfferedProtocol) != 0) {
                return Error(ExitCode::protocol, "protocol features that were not offered");
            }
            return {};
        case Request::set_config:
            return Error(ExitCode::protocol, "SET_CONFIG: the configuration is read-only");
        default: return {};  // SET_OWNER and SET_VRING_ERR ask for nothing
    }
}

Result<void> Session::set_features(std::uint64_t features) {
    // Front ends pass on bits that concern only themselves; these two would change the rings.
    if ((features & (kAccessPlatform | kPackedRing)) != 0) {
        return Error(ExitCode::protocol,
                     fmt::format("SET_FEATURES: {:#x} is more than was offered", features));
    }
    for (std::uint32_t index = 0; index < kQueueCount; ++index)
        stop(index);
    features_ = features;
    // Without protocol features there is no message to enable a ring.
    if ((features & kProtocolFeatures) == 0) {
        for (Ring& ring : rings_)
            ring.enabled = true;
    }
    return start_all();
}

Result<void> Session::set_memory(const MemoryDescription& description, std::vector<Fd> files) {
    for (std::uint32_t index = 0; index < kQueueCount; ++index)
        stop(index);
    device_.set_memory(nullptr);
    memory_ = GuestMemory();
    Result<GuestMemory> memory = GuestMemory::map(description, std::move(files));
    if (!memory.ok()) return std::move(memory).error().at("SET_MEM_TABLE");
    memory_ = std::move(memory).value();
    device_.set_memory(&memory_);
    return start_all();
}

Result<void> Session::set_kick(Message& message) {
    const auto described = std::get<RingDescriptor>(message.payload);
    const std::uint32_t index = described.index;
    if (!described.has_descriptor) {
        return Error(ExitCode::protocol, "SET_VRING_KICK: polling a ring is not supported");
    }
    stop(index);
    Ring& ring = rings_[index];
    ring.kick_poll.reset();
    ring.kick = std::move(message.descriptors.front());
    TRY(base::set_nonblocking(ring.kick.get(), true));
    ring.kick_poll =
        TRY(loop::Poll::create(loop_, ring.kick.get(), [this, index](int) { on_kick(index); }));
    ring.kick_poll->watch(loop::Poll::kReadable);
    return start(index);
}

Result<void> Session::set_call(Message& message) {
    const auto described = std::get<RingDescriptor>(message.payload);
    Fd call;
    if (described.has_descriptor) {
        call = std::move(message.descriptors.front());
        TRY(base::set_nonblocking(call.get(), true));
    }
    device_.set_call(described.index, std::move(call));
    return {};
}

void Session::on_kick(std::uint32_t index) {
    std::uint64_t kicks = 0;
    const ssize_t count = ::read(rings_[index].kick.get(), &kicks, sizeof kicks);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        // Left alone it would be readable for ever.
        end("a kick descriptor that is none", true);
        return;
    }
    if (count > 0 && rings_[index].running) device_.kicked(index);
}

Result<void> Session::start(std::uint32_t index) {
    Ring& ring = rings_[index];
    const bool ready = ring.enabled && ring.addressed && ring.layout.size != 0 &&
                       ring.kick_poll.has_value() && memory_.mapped();
    if (!ready || ring.running) return {};
    const RingFeatures features{(features_ & kEventIndex) != 0, (features_ & kIndirect) != 0};
    Result<Virtqueue> queue = Virtqueue::create(memory_.table(), ring.layout, ring.base, features);
    if (!queue.ok()) return std::move(queue).error().at(fmt::format("ring {}", index));
    ring.running = true;
    device_.start_queue(index, std::move(queue).value());
    return {};
}

Result<void> Session::start_all() {
    for (std::uint32_t index = 0; index < kQueueCount; ++index)
        TRY(start(index));
    return {};
}

void Session::stop(std::uint32_t index) {
    Ring& ring = rings_[index];
    if (!ring.running) return;
    ring.running = false;
    ring.base = device_.stop_queue(index);
}

void Session::reset_device() {
    for (std::uint32_t index = 0; index < kQueueCount; ++index) {
        stop(index);
        rings_[index].base = 0;
        if ((features_ & kProtocolFeatures) != 0) rings_[index].enabled = false;
    }
    device_.forget_connections();
}

}  // namespace vsockd
