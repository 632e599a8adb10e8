// Places, events, turns.
#include "loop/edge_set.h"

#include <sys/epoll.h>

#include <cerrno>

namespace loop {

using base::Error;
using base::Fd;
using base::Result;

namespace detail {

namespace {

constexpr int kMostEvents = 256;
constexpr std::uint64_t kOther = 0;  // no event of a place: generations begin with 1

std::uint64_t tag(std::uint32_t place, std::uint32_t generation) {
    return (std::uint64_t{generation} << 32) | place;
}

}  // namespace

void TurnLink::leave() {
    before->behind = behind;
    behind->before = before;
    before = behind = this;
}

void TurnLink::join_last(TurnLink& list) {
    before = list.before;
    behind = &list;
    before->behind = this;
    list.before = this;
}

Result<std::unique_ptr<EdgeSet>> EdgeSet::create(int other) {
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.valid()) return Error::system("start the event loop", "");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = kOther;
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, other, &event) != 0) {
        return Error::system("start the event loop", "");
    }
    return std::unique_ptr<EdgeSet>(new EdgeSet(std::move(epoll)));
}

bool EdgeSet::wait(int timeout_milliseconds) {
    epoll_event events[kMostEvents];
    const int count = ::epoll_wait(epoll_.get(), events, kMostEvents, timeout_milliseconds);
    bool other = false;
    for (int index = 0; index < count; ++index) {
        const std::uint32_t seen = events[index].events;
        const std::uint64_t meant = events[index].data.u64;
        if (meant == kOther) {
            other = true;
            continue;
        }
        const auto place = static_cast<std::uint32_t>(meant);
        Edge* edge = places_[place].edge;
        if (edge == nullptr || tag(place, places_[place].generation) != meant) continue;
        Readiness& ready = edge->ready_;
        const bool failed = (seen & (EPOLLERR | EPOLLHUP)) != 0;
        if (failed || (seen & EPOLLRDHUP) != 0) ready.ended = true;
        if (ready.ended || (seen & EPOLLIN) != 0) ready.readable = true;
        if (failed || (seen & EPOLLOUT) != 0) ready.writable = true;
        if (edge->turn_ != nullptr) schedule(*edge->turn_);
    }
    return other;
}

void EdgeSet::run_turns() {
    if (due_.alone()) return;
    TurnLink now;
    now.join_last(due_);
    due_.leave();
    while (!now.alone()) {
        auto* turn = static_cast<Turn*>(now.behind);
        turn->leave();
        turn->run();
    }
}

Result<void> EdgeSet::add(Edge& edge) {
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(places_.size()));
        places_.emplace_back();
    }
    const std::uint32_t place = free_.back();
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = tag(place, places_[place].generation);
    int status = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, edge.fd(), &event);
    if (status != 0 && errno == EEXIST) {
        // The same open file was here under the same number before.
        status = ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, edge.fd(), &event);
    }
    if (status != 0) return Error::system("watch a descriptor", "");
    free_.pop_back();
    places_[place].edge = &edge;
    edge.place_ = place;
    edge.in_set_ = true;
    ++used_;
    return {};
}

void EdgeSet::forget(int fd) {
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EdgeSet::remove(Edge& edge) {
    Place& place = places_[edge.place_];
    place.edge = nullptr;
    if (++place.generation == 0) place.generation = 1;
    free_.push_back(edge.place_);
    --used_;
}

}  // namespace detail

Turn::~Turn() {
    leave();
    if (gone_ != nullptr) *gone_ = true;
}

void Turn::schedule() {
    set_.schedule(*this);
}

// The call may destroy the Turn, so what is called stays outside of it meanwhile.
void Turn::run() {
    bool gone = false;
    gone_ = &gone;
    std::function<void()> due = std::move(due_);
    due();
    if (gone) return;
    gone_ = nullptr;
    due_ = std::move(due);
}

Edge::~Edge() {
    if (in_set_) set_.remove(*this);
}

void Edge::tell(Turn* turn) {
    turn_ = turn;
    if (turn != nullptr && (ready_.readable || ready_.writable)) turn->schedule();
}

Fd Edge::release() {
    if (in_set_) {
        set_.remove(*this);
        set_.forget(fd_.get());
    }
    in_set_ = false;
    return std::move(fd_);
}

}  // namespace loop
