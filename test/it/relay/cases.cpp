// The cases of the relay's contract.
#include "cases.h"

#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <span>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/format.h"
#include "conversation.h"
#include "socket.h"

namespace relay_test {

using base::Fd;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// What two sockets' buffers hold on both sides of a relay, and far less than is poured.
constexpr std::uint64_t kMostUnderWay = std::uint64_t{64} * 1024 * 1024;
constexpr std::uint64_t kEndless = std::uint64_t{1} << 60;
constexpr std::uint64_t kMostMemoryKib = 8 * 1024;
constexpr std::size_t kMebibyte = std::size_t{1024} * 1024;

class Client {
  public:
    explicit Client(const Path& path) : fd_(connect_to(path.address)) {
        std::array<std::byte, kGreetingBytes> greeting{};
        receive_exactly(fd_.get(), greeting);
        if (std::memcmp(greeting.data(), kGreeting.data(), kGreeting.size()) != 0)
            fail("no greeting");
        number_ = base::load_be<std::uint64_t>(std::span(greeting).subspan(8));
    }
    Client(const Path& path, Wish wish, std::uint64_t argument = 0) : Client(path) {
        std::array<std::byte, kWishBytes> bytes{};
        bytes[0] = static_cast<std::byte>(wish);
        base::store_be(std::span(bytes).subspan(1), argument);
        send_all(fd_.get(), bytes);
    }

    int fd() const { return fd_.get(); }
    std::uint64_t number() const { return number_; }
    Fd take() { return std::move(fd_); }

    void send(std::uint64_t position, std::size_t size) const {
        std::vector<std::byte> bytes(size);
        fill(bytes, number_, position);
        send_all(fd_.get(), bytes);
    }
    void expect_stream(std::uint64_t position, std::uint64_t size) const {
        const std::uint64_t have = receive_stream(fd_.get(), number_, position, size);
        if (have != size) fail(fmt::format("an end after {} of {} bytes", have, size));
    }
    void expect_end() const {
        if (ends_by_reset(fd_.get())) fail("a reset instead of an end");
    }
    // After the end of what was sent: the server's sum is that of the stream's first bytes.
    void expect_sum(std::uint64_t size) const {
        std::array<std::byte, kSumBytes> told{};
        receive_exactly(fd_.get(), told);
        Summing summing;
        std::vector<std::byte> piece(65536);
        while (summing.count() < size) {
            const auto part = std::span(piece).first(
                std::min<std::uint64_t>(piece.size(), size - summing.count()));
            fill(part, number_, summing.count());
            summing.add(part);
        }
        const auto count = base::load_be<std::uint64_t>(std::span(told));
        if (count != size) fail(fmt::format("the server got {} of {} bytes", count, size));
        if (base::load_be<std::uint64_t>(std::span(told).subspan(8)) != summing.value())
            fail("the server got other bytes");
        expect_end();
    }

  private:
    Fd fd_;
    std::uint64_t number_ = 0;
};

struct Told {
    Outcome outcome;
    std::uint64_t bytes;
};

Told told(const Path& path, Wish wish, std::uint64_t number) {
    const Client client(path, wish, number);
    std::array<std::byte, kToldBytes> bytes{};
    receive_exactly(client.fd(), bytes);
    return {static_cast<Outcome>(bytes[0]),
            base::load_be<std::uint64_t>(std::span(bytes).subspan(1))};
}

Told outcome(const Path& path, std::uint64_t number) {
    const Told end = told(path, Wish::outcome, number);
    if (end.outcome == Outcome::none) fail("the server heard of no end");
    return end;
}

void echoes(const Path& path, std::uint64_t size) {
    const Client client(path, Wish::echo);
    std::thread writer([&] {
        for (std::uint64_t sent = 0; sent < size;) {
            const std::size_t piece = std::min<std::uint64_t>(size - sent, 100'000);
            client.send(sent, piece);
            sent += piece;
        }
        end_sending(client.fd());
    });
    client.expect_stream(0, size);
    client.expect_end();
    writer.join();
}

void whole_both_ways(const Path& path) {
    echoes(path, path.bytes);
}

void one_byte_writes(const Path& path) {
    const Client client(path, Wish::echo);
    constexpr std::size_t kCount = 3000;
    for (std::size_t index = 0; index < kCount; ++index)
        client.send(index, 1);
    end_sending(client.fd());
    client.expect_stream(0, kCount);
    client.expect_end();
}

void mebibyte_writes(const Path& path) {
    const Client client(path, Wish::sum);
    const std::uint64_t count = std::max<std::uint64_t>(path.bytes / kMebibyte, 2);
    for (std::uint64_t index = 0; index < count; ++index)
        client.send(index * kMebibyte, kMebibyte);
    end_sending(client.fd());
    client.expect_sum(count * kMebibyte);
}

void questions_and_answers(const Path& path) {
    const Client client(path, Wish::echo);
    std::uint64_t position = 0;
    for (std::size_t size = 1; size < 100'000; size += 1 + size / 20) {
        client.send(position, size);
        client.expect_stream(position, size);
        position += size;
    }
    end_sending(client.fd());
    client.expect_end();
}

void end_of_client_alone(const Path& path) {
    const Client client(path, Wish::sum);
    client.send(0, 3'000'000);
    end_sending(client.fd());
    client.expect_sum(3'000'000);
}

void end_of_server_alone(const Path& path) {
    const Client client(path, Wish::first);
    client.expect_end();
    client.send(0, 1'000'000);
    end_sending(client.fd());
    const Told end = outcome(path, client.number());
    if (end.outcome != Outcome::ended || end.bytes != 1'000'000)
        fail(fmt::format("the server got {} bytes after its own end", end.bytes));
}

void nothing_but_ends(const Path& path) {
    const Client client(path, Wish::sum);
    end_sending(client.fd());
    client.expect_sum(0);
    const Client silent(path);
    end_sending(silent.fd());
    silent.expect_end();
}

// The client ends while what it is owed fills all buffers.
void end_behind_full_buffers(const Path& path) {
    const Client client(path, Wish::echo);
    const std::size_t sent = send_until_stuck(client.fd(), client.number(), kMostUnderWay);
    end_sending(client.fd());
    client.expect_stream(0, sent);
    client.expect_end();
}

std::uint64_t resident_kib(pid_t process) {
    std::ifstream status(fmt::format("/proc/{}/status", process));
    std::string word;
    std::uint64_t value = 0;
    while (status >> word) {
        if (word == "VmRSS:") status >> value;
    }
    return value;
}

void slow_reader(const Path& path) {
    const std::uint64_t before = path.relay ? resident_kib(*path.relay) : 0;
    const Client client(path, Wish::pour, kEndless);
    std::uint64_t sent = 0;
    for (std::uint64_t last = 1; sent != last || sent == 0;) {
        std::this_thread::sleep_for(milliseconds(200));
        last = sent;
        sent = told(path, Wish::progress, client.number()).bytes;
        if (sent > kMostUnderWay) fail("the server is not slowed down");
    }
    if (path.relay) {
        const std::uint64_t after = resident_kib(*path.relay);
        if (after > before + kMostMemoryKib)
            fail(fmt::format("the relay took {} KiB for one who does not read", after - before));
    }
    echoes(path, 100'000);
    client.expect_stream(0, sent + path.bytes);
}

void slow_server(const Path& path) {
    const Client client(path, Wish::hold);
    const std::size_t sent = send_until_stuck(client.fd(), client.number(), kMostUnderWay);
    if (sent >= kMostUnderWay) fail("the client is not slowed down");
    echoes(path, 100'000);
    (void)Client(path, Wish::release, client.number());
    end_sending(client.fd());
    client.expect_sum(sent);
}

void reset_of_server(const Path& path) {
    const Client client(path, Wish::reset);
    client.send(0, 1);
    if (!ends_by_reset(client.fd()) && path.resets_from_server) fail("an end instead of a reset");
}

void reset_of_client(const Path& path) {
    Client client(path, Wish::pour, 100'000);
    const std::uint64_t number = client.number();
    client.expect_stream(0, 1);
    // The server has sent all it wants to and reads nothing; a second one waits to hear of it.
    Client heard(path, Wish::sum);
    const std::uint64_t other = heard.number();
    heard.send(0, 100);
    reset(heard.take());
    const Told end = outcome(path, other);
    if (path.resets_from_client && end.outcome != Outcome::reset) fail("an end instead of a reset");
    reset(client.take());
    (void)outcome(path, number);
}

void client_leaves_amid_the_answer(const Path& path) {
    std::uint64_t number = 0;
    {
        const Client client(path, Wish::pour, kEndless);
        number = client.number();
        client.expect_stream(0, 100'000);
    }
    if (outcome(path, number).outcome != Outcome::reset) fail("the server could send all of it");
}

void two_hundred_at_once(const Path& path) {
    constexpr std::size_t kCount = 200;
    constexpr std::size_t kSize = 10'000;
    std::vector<Client> clients;
    for (std::size_t index = 0; index < kCount; ++index)
        clients.emplace_back(path, Wish::echo);
    for (const Client& client : clients)
        client.send(0, kSize);
    for (std::size_t index = kCount; index-- > 0;) {
        clients[index].expect_stream(0, kSize);
        end_sending(clients[index].fd());
        clients[index].expect_end();
    }
}

struct Case {
    const char* name;
    void (*run)(const Path&);
};

constexpr Case kCases[] = {
    {"whole both ways at once", whole_both_ways},
    {"one byte writes", one_byte_writes},
    {"1 MiB writes", mebibyte_writes},
    {"questions and answers of all sizes", questions_and_answers},
    {"the client's end alone", end_of_client_alone},
    {"the server's end alone", end_of_server_alone},
    {"nothing but ends", nothing_but_ends},
    {"an end behind full buffers", end_behind_full_buffers},
    {"slow reader", slow_reader},
    {"slow server", slow_server},
    {"reset of the server", reset_of_server},
    {"reset of the client", reset_of_client},
    {"the client leaves amid the answer", client_leaves_amid_the_answer},
    {"200 at once", two_hundred_at_once},
};

}  // namespace

void run_cases(const Path& path, const std::string& only) {
    for (const Case& each : kCases) {
        if (!only.empty() && only != each.name) continue;
        std::printf("%s ...\n", each.name);
        std::fflush(stdout);
        const auto begin = steady_clock::now();
        each.run(path);
        const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
        std::printf("ok - %s (%lld ms)\n", each.name, static_cast<long long>(took.count()));
        std::fflush(stdout);
    }
}

}  // namespace relay_test
