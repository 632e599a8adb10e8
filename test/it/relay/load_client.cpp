// Opens connections when they are due, asks, checks the answers, counts.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/format.h"
#include "load.h"
#include "socket.h"

namespace relay_test {

using base::Fd;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t kMostReasons = 10;

// Mostly small, one in a hundred large.
std::uint32_t size_of_question(std::uint64_t number) {
    std::array<std::byte, 8> random;
    fill(random, number, 1 << 20);
    const auto value = base::load_be<std::uint64_t>(random);
    if (value % 100 == 0) return 256 * 1024;
    return 1 + static_cast<std::uint32_t>((value >> 8) % 4096);
}

class Asker {
  public:
    enum class State { connecting, asking, waiting, resting, ending, done, failed };

    Asker(Fd fd, std::uint64_t number, bool idle, milliseconds linger)
        : fd_(std::move(fd)), number_(number), idle_(idle), linger_(linger) {
        ask();
    }

    int fd() const { return fd_.get(); }
    State state() const { return state_; }
    bool idle() const { return idle_; }
    Clock::time_point since() const { return since_; }
    milliseconds took() const { return took_; }  // from the question to the answer
    const std::string& reason() const { return reason_; }
    bool wants_to_write() const { return state_ == State::connecting || state_ == State::asking; }
    bool over() const { return state_ == State::done || state_ == State::failed; }

    // The question that ends an idle one's rest.
    void ask_again() {
        idle_ = false;
        number_ = ~number_ ^ 1;
        ask();
        state_ = State::asking;
    }

    void advance() {
        if (state_ == State::connecting) connected();
        if (state_ == State::asking) send_question();
        if (state_ == State::waiting) read_answer();
        // Nothing is to come before it is time; only an end too early would.
        if (state_ == State::resting || state_ == State::ending) read_end();
    }

    void rested(Clock::time_point now) {
        if (state_ == State::resting && !idle_ && now - since_ >= linger_) end();
    }

  private:
    void ask() {
        since_ = Clock::now();
        size_ = size_of_question(number_);
        sent_ = have_ = 0;
    }

    void fail_with(std::string reason) {
        state_ = State::failed;
        reason_ = std::move(reason);
    }
    void fail_with_errno(const char* what) {
        if (errno == EAGAIN) return;
        fail_with(fmt::format("{} ({} of {} sent, {} received): {}", what, sent_, size_, have_,
                              std::strerror(errno)));
    }

    void connected() {
        int failure = 0;
        socklen_t length = sizeof failure;
        (void)::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &failure, &length);
        if (failure != 0) return fail_with(fmt::format("connect: {}", std::strerror(failure)));
        state_ = State::asking;
    }

    void send_question() {
        std::array<std::byte, 16384> memory;
        const std::uint64_t all = kQuestionBytes + size_;
        while (sent_ < all) {
            std::size_t used = 0;
            if (sent_ < kQuestionBytes) {
                std::array<std::byte, kQuestionBytes> head;
                base::store_be(std::span(head).first(8), number_);
                base::store_be(std::span(head).last(4), size_);
                used = kQuestionBytes - sent_;
                std::memcpy(memory.data(), &head[sent_], used);
            }
            const std::uint64_t position = sent_ + used - kQuestionBytes;
            const std::size_t part =
                std::min<std::uint64_t>(memory.size() - used, size_ - position);
            fill(std::span(memory).subspan(used, part), number_, position);
            const ssize_t count =
                ::send(fd(), memory.data(), used + part, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count < 0) return fail_with_errno("send");
            sent_ += static_cast<std::uint64_t>(count);
        }
        state_ = State::waiting;
        if (!idle_ && linger_.count() == 0) (void)::shutdown(fd(), SHUT_WR);
    }

    void read_answer() {
        std::array<std::byte, 16384> memory;
        while (have_ < size_) {
            const std::size_t wanted = std::min<std::uint64_t>(memory.size(), size_ - have_);
            const ssize_t count = ::recv(fd(), memory.data(), wanted, MSG_DONTWAIT);
            if (count < 0) return fail_with_errno("recv");
            if (count == 0)
                return fail_with(fmt::format("an end after {} of {} bytes", have_, size_));
            if (!are_those(std::span(memory).first(static_cast<std::size_t>(count)), ~number_,
                           have_)) {
                return fail_with("wrong bytes");
            }
            have_ += static_cast<std::uint64_t>(count);
        }
        const auto now = Clock::now();
        took_ = std::chrono::duration_cast<milliseconds>(now - since_);
        since_ = now;
        state_ = idle_ || linger_.count() > 0 ? State::resting : State::ending;
    }

    void end() {
        (void)::shutdown(fd(), SHUT_WR);
        state_ = State::ending;
    }

    void read_end() {
        std::byte byte;
        const ssize_t count = ::recv(fd(), &byte, 1, MSG_DONTWAIT);
        if (count < 0) return fail_with_errno("recv at the end");
        if (count > 0) return fail_with("wrong bytes behind the answer");
        if (state_ == State::resting) return fail_with("an end while it rested");
        state_ = State::done;
    }

    Fd fd_;
    std::uint64_t number_;
    bool idle_;
    milliseconds linger_;
    State state_ = State::connecting;
    Clock::time_point since_;  // of its last step that was waited for
    milliseconds took_{};
    std::uint32_t size_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t have_ = 0;
    std::string reason_;
};

class Client {
  public:
    explicit Client(const Load& load) : load_(load), name_(name_of(load.address)) {}

    int run() {
        while (idle_ready_ < load_.idle && lost_ + wrong_ + stuck_ == 0) {
            while (opened_ < load_.idle && opened_ - idle_ready_ < kIdleAtOnce && open(true)) {
            }
            turn();
        }
        std::printf("%llu idle connections\n", as_number(idle_ready_));
        std::fflush(stdout);
        begin_ = told_ = Clock::now();
        const std::uint64_t all = load_.rate * static_cast<std::uint64_t>(load_.length.count());
        while (started_ < all || busy() > 0) {
            const double passed = std::chrono::duration<double>(Clock::now() - begin_).count();
            const auto due =
                std::min(all, static_cast<std::uint64_t>(passed * static_cast<double>(load_.rate)));
            while (started_ < due && busy() < load_.most && open(false)) {
            }
            turn();
            if (load_.pause.count() > 0 && Clock::now() - told_ >= load_.pause) tell();
        }
        tell();
        return ask_idle_again() && done_ == all + load_.idle ? 0 : 1;
    }

  private:
    static constexpr std::uint64_t kIdleAtOnce = 500;
    static unsigned long long as_number(std::uint64_t value) { return value; }

    bool ask_idle_again() {
        const std::uint64_t before = done_;
        asked_again_ = true;
        for (auto& asker : askers_) {
            if (asker != nullptr && asker->idle()) {
                asker->ask_again();
                watch(*asker, EPOLL_CTL_MOD);
            }
        }
        while (busy() > 0)
            turn();
        std::printf("%llu of %llu idle connections answered\n", as_number(done_ - before),
                    as_number(load_.idle));
        return lost_ + wrong_ + stuck_ == 0;
    }

    // Open and not idle.
    std::uint64_t busy() const { return open_ - resting_idle(); }
    std::uint64_t resting_idle() const { return asked_again_ ? 0 : idle_ready_; }

    bool open(bool idle) {
        Fd fd(::socket(name_.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!fd.valid()) fail(fmt::format("socket: {}", std::strerror(errno)));
        if (::connect(fd.get(), name_.native(), name_.length) != 0 && errno != EINPROGRESS) {
            // A full queue of a Unix socket, or no local port for the moment.
            if (errno == EAGAIN || errno == EADDRNOTAVAIL) {
                ++later_;
                return false;
            }
            fail(fmt::format("connect: {}", std::strerror(errno)));
        }
        const auto slot = static_cast<std::size_t>(fd.get());
        if (slot >= askers_.size()) askers_.resize(slot + 1);
        askers_[slot] = std::make_unique<Asker>(std::move(fd), ++opened_, idle, load_.linger);
        ++open_;
        if (!idle) ++started_;
        watch(*askers_[slot], EPOLL_CTL_ADD);
        return true;
    }

    void watch(const Asker& asker, int operation) {
        epoll_event event{asker.wants_to_write() ? EPOLLOUT : EPOLLIN, {.fd = asker.fd()}};
        if (::epoll_ctl(epoll_.get(), operation, asker.fd(), &event) != 0) fail("epoll_ctl");
    }

    void turn() {
        std::array<epoll_event, 512> events;
        const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 1);
        for (int index = 0; index < count; ++index)
            advance(static_cast<std::size_t>(events[static_cast<std::size_t>(index)].data.fd));
        if (Clock::now() - looked_ >= milliseconds(50)) look();
    }

    void advance(std::size_t slot) {
        Asker& asker = *askers_[slot];
        const bool wrote = asker.wants_to_write();
        const bool rested = asker.state() == Asker::State::resting;
        asker.advance();
        if (asker.state() == Asker::State::resting && !rested && asker.idle()) ++idle_ready_;
        if (rested && asker.idle() && asker.over()) --idle_ready_;
        if (asker.over()) return close(slot);
        if (asker.wants_to_write() != wrote) watch(asker, EPOLL_CTL_MOD);
    }

    void close(std::size_t slot) {
        const Asker& asker = *askers_[slot];
        if (asker.state() == Asker::State::done) {
            ++done_;
            slowest_ = std::max(slowest_, asker.took());
        } else {
            ++(asker.reason().starts_with("wrong") ? wrong_ : lost_);
            complain(asker.reason());
        }
        --open_;
        askers_[slot].reset();
    }

    void complain(const std::string& reason) {
        if (++reasons_ <= kMostReasons) std::printf("lost: %s\n", reason.c_str());
    }

    // What rests or does not move.
    void look() {
        looked_ = Clock::now();
        for (std::size_t slot = 0; slot < askers_.size(); ++slot) {
            if (askers_[slot] == nullptr) continue;
            Asker& asker = *askers_[slot];
            asker.rested(looked_);
            if (asker.state() == Asker::State::resting || looked_ - asker.since() < kLimit)
                continue;
            ++stuck_;
            complain(fmt::format("stuck in state {}", static_cast<int>(asker.state())));
            --open_;
            askers_[slot].reset();
        }
    }

    void tell() {
        told_ = Clock::now();
        const double passed = std::chrono::duration<double>(told_ - begin_).count();
        std::printf(
            "%.1f s: %llu opened, %llu done, %llu open, %llu lost, %llu wrong, %llu stuck, "
            "%llu put off, slowest %lld ms\n",
            passed, as_number(started_), as_number(done_), as_number(busy()), as_number(lost_),
            as_number(wrong_), as_number(stuck_), as_number(later_),
            static_cast<long long>(slowest_.count()));
        std::fflush(stdout);
    }

    const Load& load_;
    SocketName name_;
    Fd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
    std::vector<std::unique_ptr<Asker>> askers_;  // by descriptor
    Clock::time_point begin_, told_, looked_ = Clock::now();
    milliseconds slowest_{};
    std::uint64_t opened_ = 0, started_ = 0, open_ = 0, idle_ready_ = 0;
    std::uint64_t done_ = 0, lost_ = 0, wrong_ = 0, stuck_ = 0, later_ = 0;
    std::size_t reasons_ = 0;
    bool asked_again_ = false;
};

}  // namespace

int run_load(const Load& load) {
    return Client(load).run();
}

}  // namespace relay_test
