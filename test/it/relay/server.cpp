// One thread for each connection; how it ended is kept for whoever asks.
#include "server.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/format.h"
#include "conversation.h"
#include "socket.h"

namespace relay_test {

using base::Fd;

namespace {

constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;

struct Fate {
    Outcome outcome = Outcome::none;
    std::uint64_t bytes = 0;
    bool released = false;
};

class Fates {
  public:
    void count(std::uint64_t number, std::uint64_t bytes) {
        const std::scoped_lock lock(mutex_);
        fates_[number].bytes += bytes;
    }
    void end(std::uint64_t number, Outcome outcome) {
        const std::scoped_lock lock(mutex_);
        fates_[number].outcome = outcome;
        changed_.notify_all();
    }
    void release(std::uint64_t number) {
        const std::scoped_lock lock(mutex_);
        fates_[number].released = true;
        changed_.notify_all();
    }
    void wait_for_release(std::uint64_t number) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kLimit, [&] { return fates_[number].released; });
    }
    Fate now(std::uint64_t number) {
        const std::scoped_lock lock(mutex_);
        return fates_[number];
    }
    Fate at_end(std::uint64_t number) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kLimit, [&] { return fates_[number].outcome != Outcome::none; });
        return fates_[number];
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::uint64_t, Fate> fates_;
};

bool say(int fd, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) return false;
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
}

class Talk {
  public:
    Talk(Fd fd, std::uint64_t number, std::string say_first, Fates& fates)
        : fd_(std::move(fd)), number_(number), say_first_(std::move(say_first)), fates_(fates) {}

    void run() {
        std::array<std::byte, kWishBytes> wish{};
        if (!greet()) return;
        if (::recv(fd_.get(), wish.data(), wish.size(), MSG_WAITALL) !=
            static_cast<ssize_t>(wish.size())) {
            return fates_.end(number_, Outcome::ended);
        }
        const auto argument = base::load_be<std::uint64_t>(std::span(wish).subspan(1));
        grant(static_cast<Wish>(wish[0]), argument);
    }

  private:
    bool greet() {
        std::vector<std::byte> bytes(say_first_.size() + kGreetingBytes);
        std::memcpy(bytes.data(), say_first_.data(), say_first_.size());
        std::memcpy(&bytes[say_first_.size()], kGreeting.data(), kGreeting.size());
        base::store_be<std::uint64_t>(std::span(bytes).last(8), number_);
        return say(fd_.get(), bytes);
    }

    void grant(Wish wish, std::uint64_t argument) {
        switch (wish) {
            case Wish::echo: return echo();
            case Wish::sum: return sum();
            case Wish::first:
                ::shutdown(fd_.get(), SHUT_WR);
                read_to_end([](auto) { return true; });
                return;
            case Wish::pour: return pour(argument);
            case Wish::reset: return reset_soon();
            case Wish::hold: fates_.wait_for_release(number_); return sum();
            case Wish::release: fates_.release(argument); return;
            case Wish::progress: return tell(fates_.now(argument));
            case Wish::outcome: return tell(fates_.at_end(argument));
        }
    }

    // `use` is given each piece, and says whether to go on.
    template <typename Use>
    Outcome read_to_end(Use use) {
        std::vector<std::byte> piece(kPieceBytes);
        Outcome outcome = Outcome::ended;
        while (true) {
            const ssize_t count = ::recv(fd_.get(), piece.data(), piece.size(), 0);
            if (count < 0) outcome = Outcome::reset;
            if (count <= 0) break;
            fates_.count(number_, static_cast<std::uint64_t>(count));
            if (!use(std::span(piece).first(static_cast<std::size_t>(count)))) {
                outcome = Outcome::reset;
                break;
            }
        }
        fates_.end(number_, outcome);
        return outcome;
    }

    void echo() {
        read_to_end([this](std::span<const std::byte> bytes) { return say(fd_.get(), bytes); });
        ::shutdown(fd_.get(), SHUT_WR);
    }

    void sum() {
        Summing summing;
        const Outcome outcome = read_to_end([&](std::span<const std::byte> bytes) {
            summing.add(bytes);
            return true;
        });
        if (outcome != Outcome::ended) return;
        std::array<std::byte, kSumBytes> bytes{};
        base::store_be(std::span(bytes).first(8), summing.count());
        base::store_be(std::span(bytes).last(8), summing.value());
        (void)say(fd_.get(), bytes);
    }

    void pour(std::uint64_t wanted) {
        std::vector<std::byte> piece(kPieceBytes);
        std::uint64_t sent = 0;
        while (sent < wanted) {
            const std::size_t size = std::min<std::uint64_t>(piece.size(), wanted - sent);
            fill(piece, number_, sent);
            const ssize_t count = ::send(fd_.get(), piece.data(), size, MSG_NOSIGNAL);
            if (count <= 0) return fates_.end(number_, Outcome::reset);
            sent += static_cast<std::uint64_t>(count);
            fates_.count(number_, static_cast<std::uint64_t>(count));
        }
        fates_.end(number_, Outcome::ended);
    }

    void reset_soon() {
        pollfd ready{fd_.get(), POLLIN, 0};
        (void)::poll(&ready, 1, std::chrono::milliseconds(kLimit).count());
        reset(std::move(fd_));
    }

    void tell(const Fate& fate) {
        std::array<std::byte, kToldBytes> bytes{};
        bytes[0] = static_cast<std::byte>(fate.outcome);
        base::store_be(std::span(bytes).subspan(1), fate.bytes);
        (void)say(fd_.get(), bytes);
    }

    Fd fd_;
    std::uint64_t number_;
    std::string say_first_;
    Fates& fates_;
};

}  // namespace

void serve(const vsockio::Address& address) {
    // Never ends, and neither does what its threads share.
    auto& fates = *new Fates;
    const Fd listener = listen_on(address);
    std::printf("port %u\n", port_of(listener.get()));
    std::fflush(stdout);
    for (std::uint64_t number = 1;; ++number) {
        std::string say_first;
        Fd fd = accept_on(listener.get(), address, say_first);
        if (!fd.valid()) continue;
        std::thread([talk = Talk(std::move(fd), number, std::move(say_first), fates)]() mutable {
            talk.run();
        }).detach();
    }
}

}  // namespace relay_test
