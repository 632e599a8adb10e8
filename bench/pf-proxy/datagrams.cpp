// Datagrams for bench/pf-proxy-udp.sh, over IPv4 of this machine:
//
//   serve PORT                    sends back what comes
//   ask PORT SIZE WINDOW SECONDS  WINDOW datagrams under way on one socket; prints answers a second
//   hold PORT COUNT SECONDS       COUNT sockets with an answer each; prints how many had one
#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration;

int make_socket(const char* port, bool serves) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int buffer = 4 << 20;
    (void)::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    const timeval patience{0, 100'000};  // what is lost is sent again
    if (!serves) (void)::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* native = reinterpret_cast<const sockaddr*>(&at);
    const int status = serves ? ::bind(fd, native, sizeof at) : ::connect(fd, native, sizeof at);
    if (fd < 0 || status != 0) {
        std::perror("socket");
        std::exit(71);
    }
    return fd;
}

constexpr std::size_t kBatch = 32;

struct Batch {
    std::array<std::array<char, 2048>, kBatch> memory{};
    std::array<iovec, kBatch> parts{};
    std::array<sockaddr_in, kBatch> names{};
    std::array<mmsghdr, kBatch> messages{};

    void prepare(std::size_t size, bool named) {
        for (std::size_t index = 0; index < kBatch; ++index) {
            parts[index] = {memory[index].data(), size};
            messages[index] = {};
            messages[index].msg_hdr.msg_iov = &parts[index];
            messages[index].msg_hdr.msg_iovlen = 1;
            if (!named) continue;
            messages[index].msg_hdr.msg_name = &names[index];
            messages[index].msg_hdr.msg_namelen = sizeof names[index];
        }
    }
};

[[noreturn]] void serve(const char* port) {
    const int fd = make_socket(port, true);
    static Batch batch;
    while (true) {
        batch.prepare(batch.memory[0].size(), true);
        const int count = ::recvmmsg(fd, batch.messages.data(), kBatch, MSG_WAITFORONE, nullptr);
        for (int index = 0; index < count; ++index) {
            const auto at = static_cast<std::size_t>(index);
            batch.parts[at].iov_len = batch.messages[at].msg_len;
        }
        if (count > 0) {
            (void)::sendmmsg(fd, batch.messages.data(), static_cast<unsigned>(count), 0);
        }
    }
}

void ask(const char* port, std::size_t size, unsigned window, double seconds) {
    const int fd = make_socket(port, false);
    static Batch batch;
    unsigned under_way = 0;
    std::uint64_t answers = 0;
    const auto begin = Clock::now();
    while (duration<double>(Clock::now() - begin).count() < seconds) {
        while (under_way < window) {
            batch.prepare(size, false);
            const unsigned more = window - under_way < kBatch ? window - under_way : kBatch;
            const int sent = ::sendmmsg(fd, batch.messages.data(), more, 0);
            if (sent <= 0) break;
            under_way += static_cast<unsigned>(sent);
        }
        batch.prepare(batch.memory[0].size(), false);
        const int count = ::recvmmsg(fd, batch.messages.data(), kBatch, MSG_WAITFORONE, nullptr);
        if (count > 0) {
            answers += static_cast<unsigned>(count);
            under_way -=
                static_cast<unsigned>(count) < under_way ? static_cast<unsigned>(count) : under_way;
        } else {
            under_way = 0;
        }
    }
    std::printf("%.0f\n", static_cast<double>(answers) / seconds);
}

void hold(const char* port, std::size_t count, unsigned seconds) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    std::size_t answered = 0;
    std::vector<int> sockets;
    for (std::size_t number = 0; number < count; ++number) {
        sockets.push_back(make_socket(port, false));
        char byte = 'x';
        for (int tries = 0; tries < 5; ++tries) {
            (void)::send(sockets.back(), &byte, 1, 0);
            if (::recv(sockets.back(), &byte, 1, 0) != 1) continue;
            ++answered;
            break;
        }
    }
    std::printf("%zu answered\n", answered);
    std::fflush(stdout);
    ::sleep(seconds);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view what = argc > 2 ? argv[1] : "";
    if (what == "serve") serve(argv[2]);
    if (what == "ask" && argc == 6) {
        ask(argv[2], static_cast<std::size_t>(std::atoi(argv[3])),
            static_cast<unsigned>(std::atoi(argv[4])), std::atof(argv[5]));
        return 0;
    }
    if (what == "hold" && argc == 5) {
        hold(argv[2], static_cast<std::size_t>(std::atoi(argv[3])),
             static_cast<unsigned>(std::atoi(argv[4])));
        return 0;
    }
    return 64;
}
