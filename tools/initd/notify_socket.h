// A service's end of the sd_notify protocol: the datagram socket that NOTIFY_SOCKET names.
//
// One socket for each service, which only the service's user may open, and the kernel says who
// sent: a datagram from a process that is not the service's is dropped. Descriptors that come
// along are closed by the kernel, for which senders may wait. What is sent is bounded: datagrams
// over kLongestNotification are bad, and whoever sends too many waits. Grammar: notification.h.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "accounts.h"
#include "base/fd.h"
#include "notification.h"
#include "reactor.h"
#include "service.h"

namespace initd {

class Unit;

class NotifySocket : public Watcher {
  public:
    static constexpr const char* kFolder = "/run/initd.notify";
    static std::string path_of(const std::string& service);

    // Binds the socket for the account's user. An old socket of that name is replaced.
    static base::Result<std::unique_ptr<NotifySocket>> open(const std::string& service,
                                                            const Account& account);
    ~NotifySocket() override;
    NotifySocket(const NotifySocket&) = delete;
    NotifySocket& operator=(const NotifySocket&) = delete;

    void attach(Unit& unit, Reactor& reactor);
    // Another user may open it from now on.
    void belong_to(const Account& account);
    // A new start: what was sent before does not count.
    void reset();
    // Takes what is there, as far as one turn allows.
    void drain();
    // The last STATUS.
    std::string_view status() const { return {status_.data(), status_bytes_}; }
    // When to listen again after too many datagrams.
    std::optional<Time> due() const { return paused_until_; }
    void on_due();

    void on_ready(std::uint32_t events) override;

  private:
    NotifySocket(base::Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
    bool take_one();
    void act_on(const Notification& notification);
    void complain(std::string_view what);
    void count();

    base::Fd fd_;
    std::string path_;
    Unit* unit_ = nullptr;
    Reactor* reactor_ = nullptr;
    std::array<char, kLongestStatus> status_{};
    std::size_t status_bytes_ = 0;
    bool complained_ = false;
    bool slowed_ = false;  // and said so
    Time second_began_{};
    unsigned this_second_ = 0;
    std::optional<Time> paused_until_;
};

}  // namespace initd
