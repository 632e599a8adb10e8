// Enemies and one friend of the control socket: for the scenarios, not part of any tool.
//
//   flood attack SOCKET CLIENTS SECONDS SEED [VECTOR...]
//   flood ask SOCKET SECONDS
//
// `attack` keeps CLIENTS connections, or attempts at one, going: garbage, half a frame, good frames
// with some bytes changed (the VECTORs are files of such), requests whose answers nobody reads,
// bytes one at a time. `ask` is a client who connects, says hello, pings and leaves, again and
// again; it prints how long the worst answer took, and for how long at most the machine let
// another, idle thread of its own wait. Exits 1 when an attempt of `ask` fails.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "proto/control.h"

namespace {

using Clock = std::chrono::steady_clock;
using Kind = proto::control::Kind;
using proto::control::FieldId;
using proto::control::FrameWriter;
using Bytes = std::vector<std::byte>;

[[noreturn]] void die(const char* what) {
    std::printf("flood: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

struct sockaddr_un address_of(const char* path) {
    struct sockaddr_un address {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return address;
}

int connect_to(const struct sockaddr_un& address, int flags) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0) die("socket");
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
    const int why = errno;
    ::close(fd);
    errno = why;
    return -1;
}

void append(Bytes& to, FrameWriter& writer) {
    const auto bytes = writer.finish();
    to.insert(to.end(), bytes.begin(), bytes.end());
}

Bytes hello() {
    Bytes bytes;
    std::array<std::byte, 64> memory;
    FrameWriter writer(memory, Kind::hello);
    writer.number(FieldId::minimum_version, proto::control::kMinimumVersion);
    writer.number(FieldId::current_version, proto::control::kCurrentVersion);
    append(bytes, writer);
    return bytes;
}

void add_request(Bytes& to, Kind kind) {
    std::array<std::byte, 256> memory;
    FrameWriter writer(memory, kind);
    if (kind == Kind::status || kind == Kind::stop) writer.text(FieldId::name, "steady");
    if (kind == Kind::logs) writer.number(FieldId::follow, 1);
    append(to, writer);
}

class Attack {
  public:
    Attack(const char* path, unsigned seed, int vectors, char** files)
        : address_(address_of(path)), random_(seed), hello_(hello()) {
        for (int index = 0; index < vectors; ++index) {
            std::ifstream file(files[index], std::ios::binary);
            const std::string text((std::istreambuf_iterator<char>(file)), {});
            const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
            vectors_.emplace_back(bytes, bytes + text.size());
        }
    }

    void run(std::size_t clients, std::chrono::seconds time) {
        clients_.resize(clients);
        const auto end = Clock::now() + time;
        while (Clock::now() < end) {
            for (Client& client : clients_)
                step(client);
        }
        std::printf("%zu clients: %lu connections, %lu refused a place in the queue, %lu bytes\n",
                    clients, connections_, queued_out_, bytes_);
    }

  private:
    struct Client {
        int fd = -1;
        Bytes to_send;
        std::size_t sent = 0;
        bool drop_by_drop = false;
        bool reads = false;
        unsigned patience = 0;  // turns until it leaves
    };

    std::size_t below(std::size_t limit) { return random_() % limit; }

    // What this one is going to say.
    Bytes words() {
        Bytes bytes;
        if (below(4) > 0) bytes = hello_;
        switch (below(6)) {
            case 0:
                for (std::size_t count = below(3000); count > 0; --count)
                    bytes.push_back(static_cast<std::byte>(random_()));
                break;
            case 1:
                if (!vectors_.empty()) {
                    const Bytes& vector = vectors_[below(vectors_.size())];
                    bytes.insert(bytes.end(), vector.begin(), vector.end());
                }
                break;
            case 2: add_request(bytes, Kind::logs); break;
            case 3:
                for (std::size_t count = below(200); count > 0; --count)
                    add_request(bytes, Kind::list);
                break;
            case 4: add_request(bytes, Kind::processes); break;
            default:
                for (std::size_t count = below(20); count > 0; --count)
                    add_request(bytes, static_cast<Kind>(below(80)));
                break;
        }
        for (std::size_t count = below(3) * below(4); count > 0 && !bytes.empty(); --count)
            bytes[below(bytes.size())] = static_cast<std::byte>(random_());
        if (below(3) == 0) bytes.resize(below(bytes.size() + 1));
        return bytes;
    }

    void step(Client& client) {
        if (client.fd < 0) return begin(client);
        if (client.sent < client.to_send.size()) {
            const std::size_t most = client.drop_by_drop ? 1 : client.to_send.size() - client.sent;
            const ssize_t count = ::send(client.fd, client.to_send.data() + client.sent, most,
                                         MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count < 0 && errno != EAGAIN) return end(client);
            if (count > 0) {
                client.sent += static_cast<std::size_t>(count);
                bytes_ += static_cast<unsigned long>(count);
            }
        }
        if (client.reads) {
            std::array<char, 4096> ignored;
            if (::recv(client.fd, ignored.data(), ignored.size(), MSG_DONTWAIT) == 0) {
                return end(client);
            }
        }
        if (client.patience-- == 0) end(client);
    }

    void begin(Client& client) {
        client.fd = connect_to(address_, SOCK_NONBLOCK);
        if (client.fd < 0) {
            if (errno != EAGAIN) die("connect");
            ++queued_out_;
            // The queue is full: leave the processor to whom we want to keep from it.
            if (queued_out_ % 64 == 0) ::poll(nullptr, 0, 1);
            return;
        }
        ++connections_;
        client.to_send = words();
        client.sent = 0;
        client.drop_by_drop = below(4) == 0;
        client.reads = below(2) == 0;
        client.patience = static_cast<unsigned>(below(4) == 0 ? 2000 : below(50));
    }

    static void end(Client& client) {
        ::close(client.fd);
        client.fd = -1;
    }

    struct sockaddr_un address_;
    std::mt19937 random_;
    Bytes hello_;
    std::vector<Bytes> vectors_;
    std::vector<Client> clients_;
    unsigned long connections_ = 0;
    unsigned long queued_out_ = 0;
    unsigned long bytes_ = 0;
};

// Reads one frame; its kind, or 0 when the connection ends or nothing comes.
unsigned answer_on(int fd) {
    std::array<unsigned char, 512> bytes;
    std::size_t used = 0;
    while (true) {
        const auto decoded = proto::control::decode(std::as_bytes(std::span(bytes).first(used)));
        if (decoded.outcome == proto::control::Decoded::Outcome::frame) {
            return static_cast<unsigned>(decoded.frame.kind());
        }
        const ssize_t count = ::recv(fd, bytes.data() + used, bytes.size() - used, 0);
        if (count <= 0) return 0;
        used += static_cast<std::size_t>(count);
    }
}

bool send_all(int fd, const Bytes& bytes) {
    return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
}

// "" or what went wrong.
std::string ask_once(const struct sockaddr_un& address) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return "socket";
    const struct timeval patience { 5, 0 };
    // It bounds the wait for a place in the queue, too.
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string wrong;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        wrong = std::string("connect: ") + std::strerror(errno);
    } else {
        Bytes ping;
        add_request(ping, Kind::ping);
        if (!send_all(fd, hello()))
            wrong = "hello is not taken";
        else if (const unsigned kind = answer_on(fd); kind != static_cast<unsigned>(Kind::welcome))
            wrong = "hello is answered by " + std::to_string(kind);
        else if (!send_all(fd, ping))
            wrong = "ping is not taken";
        else if (const unsigned done = answer_on(fd); done != static_cast<unsigned>(Kind::done))
            wrong = "ping is answered by " + std::to_string(done);
    }
    ::close(fd);
    return wrong;
}

double milliseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

int ask(const char* path, std::chrono::seconds time) {
    const struct sockaddr_un address = address_of(path);
    std::atomic<bool> over{false};
    double stall = 0;
    std::thread idle([&] {
        while (!over) {
            const auto start = Clock::now();
            ::poll(nullptr, 0, 1);
            stall = std::max(stall, milliseconds_since(start) - 1);
        }
    });
    std::vector<double> took;
    unsigned long failures = 0;
    const auto end = Clock::now() + time;
    while (Clock::now() < end) {
        const auto start = Clock::now();
        const std::string wrong = ask_once(address);
        took.push_back(milliseconds_since(start));
        if (!wrong.empty() && ++failures < 10) std::printf("flood: %s\n", wrong.c_str());
        ::poll(nullptr, 0, 2);
    }
    over = true;
    idle.join();
    std::sort(took.begin(), took.end());
    std::printf(
        "asked %zu failed %lu median_ms %.2f thousandth_ms %.1f worst_ms %.1f stall_ms %.1f\n",
        took.size(), failures, took[took.size() / 2], took[took.size() - 1 - took.size() / 1000],
        took.back(), stall);
    return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "ask" && argc == 4) return ask(argv[2], std::chrono::seconds(std::atoi(argv[3])));
    if (mode != "attack" || argc < 6) return 64;
    Attack attack(argv[2], static_cast<unsigned>(std::atoi(argv[5])), argc - 6, argv + 6);
    attack.run(static_cast<std::size_t>(std::atoi(argv[3])),
               std::chrono::seconds(std::atoi(argv[4])));
    return 0;
}
