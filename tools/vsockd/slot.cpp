// Front ends come and go.
#include "slot.h"

#include "base/log.h"

namespace vsockd {

using base::Fd;
using base::Result;

namespace {

constexpr std::chrono::milliseconds kPause{100};

}  // namespace

Result<std::unique_ptr<Slot>> Slot::create(loop::Loop& loop, const Settings& settings,
                                           Router& router, std::uint32_t cid) {
    // The host's door first: probing it for a living owner disturbs nobody.
    std::unique_ptr<HostDoor> door = TRY(HostDoor::create(loop, settings, router, cid));
    vsockio::Address address;
    address.kind = vsockio::Address::Kind::local;
    address.path = vhost_path(settings, cid);
    vsockio::Listener listener = TRY(vsockio::Listener::create(address));
    std::unique_ptr<Slot> slot(
        new Slot(loop, settings, router, cid, std::move(door), std::move(listener)));
    Slot* self = slot.get();
    slot->poll_ =
        TRY(loop::Poll::create(loop, slot->listener_.fd(), [self](int) { self->on_front_end(); }));
    slot->pause_ =
        TRY(loop::Timer::create(loop, [self] { self->poll_->watch(loop::Poll::kReadable); }));
    slot->reaper_ = TRY(loop::Timer::create(loop, [self] { self->detach(); }));
    slot->poll_->watch(loop::Poll::kReadable);
    return slot;
}

Slot::Slot(loop::Loop& loop, const Settings& settings, Router& router, std::uint32_t cid,
           std::unique_ptr<HostDoor> door, vsockio::Listener listener)
    : loop_(loop),
      settings_(settings),
      router_(router),
      cid_(cid),
      door_(std::move(door)),
      listener_(std::move(listener)),
      drains_(loop) {}

Slot::~Slot() = default;

void Slot::on_front_end() {
    Result<std::optional<vsockio::Connection>> accepted = listener_.accept();
    if (!accepted.ok()) {
        base::log::warning("cannot accept", {{"cid", cid_}, {"reason", accepted.error().message}});
        poll_->watch(0);
        pause_->start(kPause);
        return;
    }
    if (accepted.value()) attach(std::move(accepted.value()->fd));
}

void Slot::attach(Fd socket) {
    // The old one's end may be on its way to us while the new one is already here.
    if (session_ && peer_is_gone(session_->socket())) {
        reason_ = "the front end has gone";
        detach();
    }
    if (session_) {
        base::log::warning("refused a second guest", {{"cid", cid_}});
        return;
    }
    Result<std::unique_ptr<Session>> session = Session::create(
        loop_, settings_, router_, drains_, cid_, std::move(socket),
        [this](std::string reason, bool violation) { ended(std::move(reason), violation); });
    if (!session.ok()) {
        base::log::error("cannot serve a guest",
                         {{"cid", cid_}, {"reason", session.error().message}});
        return;
    }
    session_ = std::move(session).value();
    base::log::info("guest attached", {{"cid", cid_}});
}

void Slot::ended(std::string reason, bool violation) {
    reason_ = std::move(reason);
    violation_ = violation;
    reaper_->start(std::chrono::milliseconds(0));
}

void Slot::detach() {
    reaper_->stop();
    if (!session_) return;
    const base::log::Level level = violation_ ? base::log::Level::warning : base::log::Level::info;
    base::log::write(level, "guest detached", {{"cid", cid_}, {"reason", reason_}});
    violation_ = false;
    session_.reset();
}

}  // namespace vsockd
