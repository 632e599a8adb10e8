// Who waits for a process, and for how long.
#include "waiting.h"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "base/text.h"

using pipeline::first_record;
using pipeline::FirstRecord;
using pipeline::WaitingRoom;
using Is = FirstRecord::Is;
using std::chrono::milliseconds;

namespace {

// A record of TLS with so many bytes in it.
std::string record(std::size_t length) {
    std::string bytes("\x16\x03\x01", 3);
    bytes += static_cast<char>(length >> 8);
    bytes += static_cast<char>(length & 0xFF);
    return bytes + std::string(length, 'x');
}

Is kind_of(std::string_view bytes) {
    return first_record(base::as_bytes(bytes)).is;
}

struct Guest {
    base::Fd far;
    vsockio::Connection near;
    Guest() {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        far = base::Fd(ends[0]);
        near.fd = base::Fd(ends[1]);
    }
    void say(std::string_view text) const {
        REQUIRE(::write(far.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    bool cut_off() const {
        char byte;
        const ssize_t count = ::recv(far.get(), &byte, 1, MSG_DONTWAIT);
        return count == 0 || (count < 0 && errno == ECONNRESET);
    }
};

std::vector<vsockio::Connection> turn(WaitingRoom& room, WaitingRoom::Clock::time_point now) {
    std::vector<pollfd> watched;
    room.watch(watched, now);
    REQUIRE(::poll(watched.data(), watched.size(), 0) >= 0);
    return room.look(watched, now);
}

}  // namespace

TEST_CASE("a first record is whole, or needs more, or is none") {
    const std::string good = record(250);
    for (std::size_t size = 0; size < good.size(); ++size) {
        INFO(size);
        const auto first = first_record(base::as_bytes(good).first(size));
        CHECK(first.is == Is::incomplete);
        CHECK(first.needed == (size < 5 ? 5 : good.size()));
    }
    CHECK(kind_of(good) == Is::complete);
    CHECK(kind_of(good + "more") == Is::complete);
    CHECK(kind_of(record(4096)) == Is::complete);
    CHECK(kind_of(record(4097)) == Is::other);
    CHECK(kind_of(record(0)) == Is::other);
    CHECK(kind_of("GET / HTTP/1.1\r\n") == Is::other);
    CHECK(kind_of("\x17\x03\x03") == Is::other);
    CHECK(kind_of("\x16\x02") == Is::other);
}

TEST_CASE("only who has sent a whole record is served, and nothing of it is taken") {
    WaitingRoom room(10, milliseconds(1000));
    auto now = WaitingRoom::Clock::now();
    Guest good, silent, garbage, slow, gone;
    for (Guest* guest : {&good, &silent, &garbage, &slow, &gone})
        room.add(std::move(guest->near), now);
    CHECK(room.next() == now + milliseconds(1000));
    const std::string whole = record(200);
    good.say(whole);
    garbage.say("garbage");
    slow.say(whole.substr(0, 100));
    gone.far.reset();

    const auto ready = turn(room, now);
    REQUIRE(ready.size() == 1);
    char bytes[300];
    CHECK(::recv(ready[0].fd.get(), bytes, sizeof bytes, 0) == static_cast<ssize_t>(whole.size()));
    CHECK(garbage.cut_off());
    CHECK_FALSE(silent.cut_off());
    CHECK_FALSE(slow.cut_off());

    // The slow one is not looked at before its time, and then less and less often.
    slow.say(whole.substr(100));
    CHECK(turn(room, now).empty());
    REQUIRE(room.next().has_value());
    now = *room.next();
    CHECK(turn(room, now).size() == 1);

    now += milliseconds(1000);
    CHECK(turn(room, now).empty());
    CHECK(silent.cut_off());
    CHECK_FALSE(room.next().has_value());
}

TEST_CASE("when the room is full, who has waited longest leaves it") {
    WaitingRoom room(2, milliseconds(1000));
    const auto now = WaitingRoom::Clock::now();
    Guest first, second, third;
    for (Guest* guest : {&first, &second, &third})
        room.add(std::move(guest->near), now);
    CHECK(first.cut_off());
    CHECK_FALSE(second.cut_off());
    room.end_oldest();
    CHECK(second.cut_off());
    CHECK_FALSE(third.cut_off());
}
