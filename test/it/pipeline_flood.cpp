// Connections that want to keep a server of pipeline busy: they stall, lie about lengths, send a
// byte a second, or garbage. One that is cut off comes again after a pause. Ends by itself and
// prints how often it connected. For pipeline_flood.sh; no part of any tool.
//
//   pipeline_flood SOCKET CONNECTIONS SECONDS PAUSE_MS
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

enum class Manner { stall, lying_record, lying_hello, byte_a_second, garbage, count };

struct Guest {
    int fd = -1;
    Manner manner = Manner::stall;
    std::size_t sent = 0;
    Clock::time_point next{};  // of its next act
};

// The beginning of a ClientHello that never ends.
std::string words_of(Manner manner) {
    switch (manner) {
        case Manner::lying_record: return std::string("\x16\x03\x01\xff\xff\x01", 6);
        case Manner::lying_hello:
            return std::string("\x16\x03\x01\x02\x00\x01\xff\xff\xff\x03\x03", 11);
        case Manner::byte_a_second:
            return std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
        case Manner::garbage: {
            std::string text(256, '\0');
            for (std::size_t index = 0; index < text.size(); ++index)
                text[index] = static_cast<char>(std::rand());
            return text;
        }
        default: return {};
    }
}

class Flood {
  public:
    Flood(const char* path, std::size_t count, milliseconds pause) : pause_(pause), guests_(count) {
        std::strncpy(address_.sun_path, path, sizeof address_.sun_path - 1);
        for (std::size_t index = 0; index < count; ++index) {
            guests_[index].manner =
                static_cast<Manner>(index % static_cast<std::size_t>(Manner::count));
        }
    }

    int run(std::chrono::seconds length) {
        const auto end = Clock::now() + length;
        std::array<epoll_event, 256> events;
        while (Clock::now() < end) {
            for (std::size_t index = 0; index < guests_.size(); ++index) {
                if (Clock::now() >= guests_[index].next) act(index);
            }
            const int ready = ::epoll_wait(epoll_, events.data(), events.size(), 2);
            for (int index = 0; index < ready; ++index)
                hear(events[static_cast<std::size_t>(index)].data.u64);
        }
        std::printf("%llu connections made, %llu cut off\n", connected_, cut_off_);
        return connected_ >= guests_.size() ? 0 : 1;
    }

  private:
    void act(std::size_t index) {
        Guest& guest = guests_[index];
        if (guest.fd < 0 && !connect(index)) return;
        const std::string words = words_of(guest.manner);
        const std::size_t piece = guest.manner == Manner::byte_a_second ? 1 : words.size();
        if (guest.sent < words.size()) {
            const std::size_t size = std::min(piece, words.size() - guest.sent);
            (void)::send(guest.fd, words.data() + guest.sent, size, MSG_NOSIGNAL | MSG_DONTWAIT);
            guest.sent += size;
        }
        guest.next = Clock::now() + std::chrono::seconds(1);
    }

    bool connect(std::size_t index) {
        Guest& guest = guests_[index];
        guest.fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (::connect(guest.fd, reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0) {
            leave(guest, std::max(pause_, milliseconds(5)));  // its queue is full
            return false;
        }
        ++connected_;
        epoll_event wanted{EPOLLIN, {.u64 = index}};
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, guest.fd, &wanted);
        return true;
    }

    void hear(std::size_t index) {
        char byte[512];
        const ssize_t count = ::recv(guests_[index].fd, byte, sizeof byte, MSG_DONTWAIT);
        if (count > 0 || (count < 0 && errno == EAGAIN)) return;
        ++cut_off_;
        leave(guests_[index], pause_);
    }

    static void leave(Guest& guest, milliseconds pause) {
        ::close(guest.fd);
        guest.fd = -1;
        guest.sent = 0;
        guest.next = Clock::now() + pause;
    }

    sockaddr_un address_{AF_UNIX, {}};
    milliseconds pause_;
    std::vector<Guest> guests_;
    int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    unsigned long long connected_ = 0;
    unsigned long long cut_off_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) return 64;
    Flood flood(argv[1], std::strtoul(argv[2], nullptr, 10),
                milliseconds(std::strtol(argv[4], nullptr, 10)));
    return flood.run(std::chrono::seconds(std::strtol(argv[3], nullptr, 10)));
}
