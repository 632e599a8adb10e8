// Holding packets: who waits, for how long, and what becomes of them.
#include "syn_queue.h"

#include <linux/netlink.h>

#include <array>
#include <vector>

namespace pf_proxy {

using base::Error;
using base::ExitCode;
using base::Result;

namespace {

// So that a flood of connections cannot keep the loop from its other work.
constexpr std::size_t kPacketsAtOnce = 64;

}  // namespace

std::optional<std::uint32_t> mark_for(int errno_value) {
    switch (errno_value) {
        case ETIMEDOUT:
        case EAGAIN: return std::nullopt;
        case ECONNREFUSED:
        case ECONNRESET: return kResetMark;
        case ENETUNREACH:
        case ENETDOWN: return kNoRouteMark;
        case EACCES:
        case EPERM: return kProhibitedMark;
        default: return kHostUnreachableMark;
    }
}

Result<std::unique_ptr<SynQueue>> SynQueue::create(loop::Loop& loop, Settings settings,
                                                   Handlers handlers) {
    NetlinkSocket socket = TRY(NetlinkSocket::open(NETLINK_NETFILTER));
    std::unique_ptr<SynQueue> queue(
        new SynQueue(loop, std::move(socket), settings, std::move(handlers)));
    TRY(queue->start());
    return queue;
}

SynQueue::~SynQueue() = default;

Result<void> SynQueue::start() {
    // Those over the limit wait in the kernel for the moment until they are dropped here.
    const auto length = static_cast<std::uint32_t>(2 * settings_.most_held);
    std::vector<NetlinkMessage> openers = queue_openers(settings_.queue, length);
    for (std::size_t index = 0; index + 1 < openers.size(); ++index) {
        const int problem = TRY(socket_.ask(openers[index]));
        // The kernel says "not permitted" for both.
        if (problem != 0) {
            return Error::system("open", "the queue of held packets", problem)
                .with_hint("CAP_NET_ADMIN is needed, and a queue has one reader");
        }
    }
    TRY(socket_.set_nonblocking());
    poll_ = TRY(loop::Poll::create(loop_, socket_.fd(), [this](int) { on_readable(); }));
    timer_ = TRY(loop::Timer::create(loop_, [this] { on_timer(); }));
    poll_->watch(loop::Poll::kReadable);
    return socket_.tell(openers.back());
}

void SynQueue::on_readable() {
    Result<void> heard = socket_.hear(kPacketsAtOnce, [this](const NetlinkPart& part) {
        if (const std::optional<QueuedPacket> packet = read_queued(part)) on_packet(*packet);
    });
    if (!heard.ok()) fail(std::move(heard).error());
}

void SynQueue::on_packet(const QueuedPacket& packet) {
    if (!poll_.has_value()) return;
    const std::optional<SynEndpoints> endpoints = read_syn(packet.bytes);
    // It goes where it would have gone without a queue: to the proxy, which asks then.
    if (!endpoints.has_value()) return tell(let_through(settings_.queue, packet.id));
    // Sent once more, because the first one waits: that one's answer is for both.
    if (waiting_.contains(*endpoints)) return tell(drop(settings_.queue, packet.id));
    if (held_.size() >= settings_.most_held) {
        ++overflows_;
        return tell(drop(settings_.queue, packet.id));
    }
    const std::uint64_t id = next_id_++;
    if (held_.empty()) timer_->start(settings_.hold_limit);
    held_.emplace(id, Held{*endpoints, packet.id, loop_.now() + settings_.hold_limit});
    waiting_.emplace(*endpoints, id);
    handlers_.asked(Syn{id, *endpoints});
}

void SynQueue::on_timer() {
    while (!held_.empty()) {
        const auto& [id, oldest] = *held_.begin();
        if (oldest.deadline > loop_.now()) {
            timer_->start(oldest.deadline - loop_.now());
            return;
        }
        const std::uint64_t expired = id;
        if (const auto packet = take(expired)) tell(drop(settings_.queue, *packet));
        handlers_.expired(expired);
    }
}

std::optional<std::uint32_t> SynQueue::take(std::uint64_t id) {
    const auto found = held_.find(id);
    if (found == held_.end()) return std::nullopt;
    const std::uint32_t packet = found->second.packet;
    waiting_.erase(found->second.endpoints);
    held_.erase(found);
    if (held_.empty()) timer_->stop();
    return packet;
}

void SynQueue::accept(std::uint64_t id) {
    if (const auto packet = take(id)) tell(let_through(settings_.queue, *packet));
}

void SynQueue::refuse(std::uint64_t id, int errno_value) {
    const auto packet = take(id);
    if (!packet.has_value()) return;
    const std::optional<std::uint32_t> mark = mark_for(errno_value);
    tell(mark.has_value() ? let_through_marked(settings_.queue, *packet, *mark)
                          : drop(settings_.queue, *packet));
}

// The kernel takes verdicts within the call. One that is lost leaves its packet in the queue until
// the queue is closed, and its sender tries again.
void SynQueue::tell(NetlinkMessage message) {
    if (!poll_.has_value()) return;
    Result<void> told = socket_.tell(message);
    if (!told.ok()) fail(std::move(told).error());
}

void SynQueue::fail(Error error) {
    if (!poll_.has_value()) return;
    poll_.reset();
    timer_->stop();
    socket_.close();  // the kernel's queue with it, so that the rules pass it by

    held_.clear();
    waiting_.clear();
    handlers_.failed(std::move(error));
}

}  // namespace pf_proxy
