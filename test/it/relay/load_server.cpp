// Checks questions and answers them, thousands of connections at once.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <unordered_map>

#include "base/bytes.h"
#include "base/format.h"
#include "load.h"
#include "socket.h"

namespace relay_test {

using base::Fd;

namespace {

class Answerer {
  public:
    explicit Answerer(Fd fd) : fd_(std::move(fd)) {}

    int fd() const { return fd_.get(); }
    bool wants_to_write() const { return answering(); }

    // False when it is over.
    bool advance() {
        while (true) {
            if (answering()) {
                if (!answer()) return waits_;
                continue;
            }
            std::array<std::byte, 65536> memory;
            // Not beyond the question, so that what comes next begins with its own.
            const std::size_t wanted =
                have_ < kQuestionBytes
                    ? kQuestionBytes - have_
                    : std::min<std::size_t>(memory.size(), kQuestionBytes + size_ - have_);
            const ssize_t count = ::recv(fd(), memory.data(), wanted, MSG_DONTWAIT);
            if (count < 0) return errno == EAGAIN;
            if (count == 0) return false;
            if (!take(std::span(memory).first(static_cast<std::size_t>(count)))) {
                std::printf("wrong bytes on connection %llu\n",
                            static_cast<unsigned long long>(number_));
                std::fflush(stdout);
                reset(std::move(fd_));
                return false;
            }
        }
    }

  private:
    bool answering() const { return have_ >= kQuestionBytes && have_ == kQuestionBytes + size_; }

    bool take(std::span<const std::byte> bytes) {
        if (have_ >= kQuestionBytes) {
            const bool right = are_those(bytes, number_, have_ - kQuestionBytes);
            have_ += bytes.size();
            return right;
        }
        std::memcpy(&head_[have_], bytes.data(), bytes.size());
        have_ += bytes.size();
        if (have_ == kQuestionBytes) {
            number_ = base::load_be<std::uint64_t>(std::span(head_));
            size_ = base::load_be<std::uint32_t>(std::span(head_).subspan(8));
        }
        return true;
    }

    // False when it has to wait, or cannot go on.
    bool answer() {
        std::array<std::byte, 65536> memory;
        while (answered_ < size_) {
            const auto piece =
                std::span(memory).first(std::min<std::size_t>(memory.size(), size_ - answered_));
            fill(piece, ~number_, answered_);
            const ssize_t count =
                ::send(fd(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count < 0) {
                waits_ = errno == EAGAIN;
                return false;
            }
            answered_ += static_cast<std::uint64_t>(count);
        }
        have_ = answered_ = size_ = 0;
        return true;
    }

    Fd fd_;
    std::array<std::byte, kQuestionBytes> head_{};
    std::uint64_t have_ = 0;
    std::uint64_t number_ = 0;
    std::uint64_t size_ = 0;
    std::uint64_t answered_ = 0;
    bool waits_ = true;
};

}  // namespace

void serve_load(const vsockio::Address& address) {
    const Fd listener = listen_on(address);
    const Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    std::unordered_map<int, std::unique_ptr<Answerer>> answerers;
    const auto watch = [&](int operation, int fd, std::uint32_t events) {
        epoll_event event{events, {.fd = fd}};
        (void)::epoll_ctl(epoll.get(), operation, fd, &event);
    };
    watch(EPOLL_CTL_ADD, listener.get(), EPOLLIN);
    std::printf("port %u\n", port_of(listener.get()));
    std::fflush(stdout);
    std::array<epoll_event, 512> events;
    while (true) {
        const int count = ::epoll_wait(epoll.get(), events.data(), events.size(), -1);
        for (int index = 0; index < count; ++index) {
            const int ready = events[static_cast<std::size_t>(index)].data.fd;
            if (ready == listener.get()) {
                std::string say_first;
                Fd fd = accept_on(ready, address, say_first);
                if (!fd.valid()) continue;
                const int number = fd.get();
                answerers[number] = std::make_unique<Answerer>(std::move(fd));
                watch(EPOLL_CTL_ADD, number, EPOLLIN);
                continue;
            }
            const auto found = answerers.find(ready);
            if (found == answerers.end()) continue;
            Answerer& answerer = *found->second;
            const bool wrote = answerer.wants_to_write();
            if (!answerer.advance()) {
                answerers.erase(found);
            } else if (answerer.wants_to_write() != wrote) {
                watch(EPOLL_CTL_MOD, ready, wrote ? EPOLLIN : EPOLLOUT);
            }
        }
    }
}

}  // namespace relay_test
