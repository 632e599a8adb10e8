// Load for bench/pf-proxy.sh: an echo server, and clients that count. One thread each, so that a
// machine of few processors is left to the proxies.
//
//   load serve PORT                        echoes what it gets
//   load ask PORT BYTES CONNECTIONS SECONDS   answers of BYTES a second, and their median in us
//   load connect PORT CONNECTIONS SECONDS  connections a second: made, one byte echoed, ended
//   load hold PORT COUNT SECONDS           holds COUNT idle connections, then asks each once; how
//   many
//                                          answered
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::exit(71);
}

sockaddr_in local(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void send_at_once(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int open_connection(int port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    send_at_once(fd);
    const sockaddr_in address = local(port);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ::close(fd);
        return -1;
    }
    return fd;
}

void watch(int queue, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

bool write_all(int fd, const char* bytes, std::size_t size) {
    while (size > 0) {
        const ssize_t count = ::send(fd, bytes, size, MSG_NOSIGNAL);
        if (count <= 0) return false;
        bytes += count;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

int serve(int port) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = local(port);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, 4096) != 0) {
        die("listen");
    }
    const int queue = ::epoll_create1(0);
    watch(queue, listener);
    std::vector<char> buffer(65536);
    epoll_event events[256];
    while (true) {
        const int count = ::epoll_wait(queue, events, 256, -1);
        for (int index = 0; index < count; ++index) {
            const int fd = events[index].data.fd;
            if (fd == listener) {
                for (int one; (one = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
                    send_at_once(one);
                    watch(queue, one);
                }
                continue;
            }
            const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
            if (got <= 0 || !write_all(fd, buffer.data(), static_cast<std::size_t>(got)))
                ::close(fd);
        }
    }
}

int ask(int port, std::size_t bytes, int connections, double seconds) {
    struct Asker {
        int fd;
        std::size_t left;
        Clock::time_point since;
    };
    std::vector<Asker> askers;
    const int queue = ::epoll_create1(0);
    const std::vector<char> question(bytes, 'q');
    std::vector<char> buffer(65536);
    for (int index = 0; index < connections; ++index) {
        const int fd = open_connection(port);
        if (fd < 0) die("connect");
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = static_cast<std::uint32_t>(index);
        ::epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event);
        askers.push_back({fd, bytes, Clock::now()});
        if (!write_all(fd, question.data(), bytes)) die("send");
    }
    std::vector<double> took;
    const auto began = Clock::now();
    const auto end = began + std::chrono::duration<double>(seconds);
    epoll_event events[256];
    std::uint64_t answers = 0;
    while (Clock::now() < end) {
        const int count = ::epoll_wait(queue, events, 256, 100);
        for (int index = 0; index < count; ++index) {
            Asker& asker = askers[events[index].data.u32];
            const ssize_t got =
                ::recv(asker.fd, buffer.data(), std::min(buffer.size(), asker.left), 0);
            if (got <= 0) die("recv");
            asker.left -= static_cast<std::size_t>(got);
            if (asker.left > 0) continue;
            const auto now = Clock::now();
            if (answers++ % 16 == 0) {
                took.push_back(
                    std::chrono::duration<double, std::micro>(now - asker.since).count());
            }
            asker = {asker.fd, bytes, now};
            if (!write_all(asker.fd, question.data(), bytes)) die("send");
        }
    }
    const double elapsed = std::chrono::duration<double>(Clock::now() - began).count();
    std::sort(took.begin(), took.end());
    std::printf("%.0f %.1f\n", static_cast<double>(answers) / elapsed,
                took.empty() ? 0.0 : took[took.size() / 2]);
    return 0;
}

int connect_often(int port, int connections, double seconds) {
    struct Slot {
        int fd = -1;
    };
    const int queue = ::epoll_create1(0);
    std::vector<Slot> slots(static_cast<std::size_t>(connections));
    std::uint64_t made = 0;
    std::uint64_t lost = 0;
    const sockaddr_in address = local(port);
    const auto begin_one = [&](std::size_t slot) {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) die("socket");
        send_at_once(fd);
        // The port is free again at once: no TIME_WAIT of ours fills the table.
        const linger reset{1, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
            errno != EINPROGRESS) {
            die("connect");
        }
        slots[slot].fd = fd;
        epoll_event event{};
        event.events = EPOLLOUT;
        event.data.u64 = slot;
        ::epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event);
    };
    for (std::size_t slot = 0; slot < slots.size(); ++slot)
        begin_one(slot);
    const auto began = Clock::now();
    const auto end = began + std::chrono::duration<double>(seconds);
    epoll_event events[256];
    while (Clock::now() < end) {
        const int count = ::epoll_wait(queue, events, 256, 100);
        for (int index = 0; index < count; ++index) {
            const std::size_t slot = events[index].data.u64;
            const int fd = slots[slot].fd;
            if ((events[index].events & EPOLLIN) == 0 && (events[index].events & EPOLLOUT) != 0) {
                if (::send(fd, "x", 1, MSG_NOSIGNAL) == 1) {
                    epoll_event event{};
                    event.events = EPOLLIN;
                    event.data.u64 = slot;
                    ::epoll_ctl(queue, EPOLL_CTL_MOD, fd, &event);
                    continue;
                }
            }
            char byte = 0;
            if (::recv(fd, &byte, 1, MSG_DONTWAIT) == 1) {
                ++made;
            } else {
                ++lost;
            }
            ::close(fd);
            begin_one(slot);
        }
    }
    const double elapsed = std::chrono::duration<double>(Clock::now() - began).count();
    std::printf("%.0f %llu\n", static_cast<double>(made) / elapsed,
                static_cast<unsigned long long>(lost));
    return 0;
}

int hold(int port, int count, int seconds) {
    std::vector<int> held;
    for (int index = 0; index < count; ++index) {
        const int fd = open_connection(port);
        if (fd < 0) break;
        held.push_back(fd);
    }
    std::printf("%zu held\n", held.size());
    std::fflush(stdout);
    ::sleep(static_cast<unsigned>(seconds));
    int answered = 0;
    for (const int fd : held) {
        char byte = 0;
        const timeval patience{5, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (write_all(fd, "x", 1) && ::recv(fd, &byte, 1, 0) == 1) ++answered;
    }
    std::printf("%d answered\n", answered);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    const std::string_view what = argc > 2 ? argv[1] : "";
    const int port = argc > 2 ? std::atoi(argv[2]) : 0;
    if (what == "serve") return serve(port);
    if (what == "ask" && argc == 6) {
        return ask(port, std::strtoul(argv[3], nullptr, 10), std::atoi(argv[4]),
                   std::atof(argv[5]));
    }
    if (what == "connect" && argc == 5) {
        return connect_often(port, std::atoi(argv[3]), std::atof(argv[4]));
    }
    if (what == "hold" && argc == 5) return hold(port, std::atoi(argv[3]), std::atoi(argv[4]));
    std::fputs("usage: load serve|ask|connect|hold PORT ...\n", stderr);
    return 64;
}
