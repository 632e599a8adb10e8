// Guests and front ends that break the rules: they lose their place, nobody else does.
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <catch2/catch_test_macros.hpp>

#include <functional>

#include "daemon.h"
#include "guest_stack.h"

using namespace test;
using std::chrono::milliseconds;

namespace {

constexpr std::uint16_t kNext = 1;
constexpr std::uint16_t kWrite = 2;
constexpr std::uint16_t kIndirect = 4;

// A good guest with a connection watches while a bad one does its worst.
struct Scene {
    Scene()
        : daemon({"--guest=16", "--guest=17"}),
          listener(listen_on(daemon.path("parent_5000"))),
          good_driver(daemon.path("17.vhost")),
          good(good_driver),
          guest(good.start_connect(3, 5000)) {
        REQUIRE(good.connect(guest));
        host = accept_from(listener);
    }

    void check_unharmed() {
        CHECK(daemon.alive());
        good.write(guest, "fine");
        CHECK(read_text(host, 4) == "fine");
        // The bad guest's place serves the next one.
        GuestDriver next(daemon.path("16.vhost"));
        GuestStack stack(next);
        CHECK(stack.connect(stack.start_connect(3, 5000)));
        (void)accept_from(listener);
    }

    Daemon daemon;
    base::Fd listener;
    GuestDriver good_driver;
    GuestStack good;
    GuestSocket& guest;
    base::Fd host;
};

std::string words(std::initializer_list<std::uint64_t> values, std::size_t width) {
    std::string out;
    for (const std::uint64_t value : values) {
        out.append(reinterpret_cast<const char*>(&value), width);
    }
    return out;
}

std::string message(std::uint32_t request, std::string payload, std::uint32_t flags = 1) {
    return words({request, flags, payload.size()}, 4) + payload;
}

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

}  // namespace

TEST_CASE("a guest that breaks the rules of its rings is detached and the others go on") {
    struct Crime {
        const char* name;
        std::function<void(GuestDriver&)> commit;
    };
    const Crime crimes[] = {
        {"the available index jumped", [](GuestDriver& d) { d.set_available_index(1, 4000); }},
        {"the available index jumped", [](GuestDriver& d) { d.set_available_index(1, 0xFFFF); }},
        {"a descriptor index outside the queue", [](GuestDriver& d) { d.offer(1, 128); }},
        {"a chain that loops",
         [](GuestDriver& d) {
             d.write_descriptor(1, 0, d.buffer_address(), 10, kNext, 1);
             d.write_descriptor(1, 1, d.buffer_address(), 10, kNext, 0);
             d.offer(1, 0);
         }},
        {"a successor outside the table",
         [](GuestDriver& d) {
             d.write_descriptor(1, 0, d.buffer_address(), 10, kNext, 500);
             d.offer(1, 0);
         }},
        {"a buffer outside the guest's memory",
         [](GuestDriver& d) {
             d.write_descriptor(1, 0, 0, 44, 0, 0);
             d.offer(1, 0);
         }},
        {"a buffer outside the guest's memory",
         [](GuestDriver& d) {
             d.write_descriptor(1, 0, 0xFFFFFFFFFFFFFFF0u, 64, 0, 0);
             d.offer(1, 0);
         }},
        {"a buffer outside the guest's memory",
         [](GuestDriver& d) {
             d.write_descriptor(1, 0, d.buffer_address(), 0xFFFFFFFF, 0, 0);
             d.offer(1, 0);
         }},
        {"a readable part after a writable one",
         [](GuestDriver& d) {
             d.write_descriptor(1, 0, d.buffer_address(), 44, kNext | kWrite, 1);
             d.write_descriptor(1, 1, d.buffer_address(), 44, 0, 0);
             d.offer(1, 0);
         }},
        {"a writable buffer in the tx ring",
         [](GuestDriver& d) {
             d.write_descriptor(1, 0, d.buffer_address(), 44, kWrite, 0);
             d.offer(1, 0);
         }},
        {"an indirect table outside the guest's memory",
         [](GuestDriver& d) {
             d.write_descriptor(1, 0, 16, 32, kIndirect, 0);
             d.offer(1, 0);
         }},
        {"an indirect table of bad length",
         [](GuestDriver& d) {
             d.write_descriptor(1, 0, d.buffer_address(), 17, kIndirect, 0);
             d.offer(1, 0);
         }},
        {"an indirect descriptor with a successor",
         [](GuestDriver& d) {
             d.write_descriptor(1, 0, d.buffer_address(), 32, kIndirect | kNext, 1);
             d.offer(1, 0);
         }},
    };
    Scene scene;
    for (const Crime& crime : crimes) {
        INFO(crime.name);
        GuestDriver bad(scene.daemon.path("16.vhost"));
        crime.commit(bad);
        bad.kick(1);
        CHECK_FALSE(bad.attached(milliseconds(5000)));
        CHECK(scene.daemon.log().find(crime.name) != std::string::npos);
    }
    scene.check_unharmed();
}

TEST_CASE("a useless receive buffer detaches the guest") {
    Scene scene;
    GuestDriver bad(scene.daemon.path("16.vhost"), {.receive_buffers = 0});
    bad.write_descriptor(0, 0, bad.buffer_address(), 20, kWrite, 0);
    bad.offer(0, 0);
    bad.kick(0);
    GuestStack stack(bad);
    (void)stack.start_connect(3, 1);  // the reset needs a buffer
    CHECK_FALSE(bad.attached(milliseconds(5000)));
    scene.check_unharmed();
}

TEST_CASE("an indirect descriptor that was not negotiated detaches the guest") {
    Scene scene;
    GuestDriver bad(scene.daemon.path("16.vhost"), {.indirect = false});
    bad.write_descriptor(1, 0, bad.buffer_address(), 32, kIndirect, 0);
    bad.offer(1, 0);
    bad.kick(1);
    CHECK_FALSE(bad.attached(milliseconds(5000)));
    scene.check_unharmed();
}

TEST_CASE("memory that is taken away detaches the guest and does not kill vsockd") {
    Scene scene;
    GuestDriver bad(scene.daemon.path("16.vhost"));
    bad.shrink_memory();
    bad.kick(1);
    CHECK_FALSE(bad.attached(milliseconds(5000)));
    scene.check_unharmed();
}

TEST_CASE("a guest without receive buffers holds up only itself") {
    Scene scene;
    std::optional<GuestDriver> bad(std::in_place, scene.daemon.path("16.vhost"),
                                   DriverOptions{.receive_buffers = 0});
    vsockd::Header packet;
    packet.source_cid = 16;
    packet.destination_cid = 3;
    packet.operation = vsockd::Operation::data;
    for (int count = 0; count < 200; ++count) {
        packet.source_port = static_cast<std::uint32_t>(count);
        bad->send(packet, "");
    }
    for (int count = 0; count < 120; ++count)
        bad->post(packet, "");
    CHECK(bad->attached(milliseconds(100)));
    scene.good.write(scene.guest, "meanwhile");
    CHECK(read_text(scene.host, 9) == "meanwhile");
    bad.reset();
    scene.check_unharmed();
}

TEST_CASE("front ends that talk nonsense are hung up on") {
    Scene scene;
    const base::Fd event(::eventfd(0, EFD_CLOEXEC));
    const base::Fd file(::memfd_create("small", 0));
    REQUIRE(::ftruncate(file.get(), 4096) == 0);
    const int fds[] = {event.get(), event.get(), event.get(), event.get(), event.get(),
                       event.get(), event.get(), event.get(), event.get()};
    const int small = file.get();
    struct Talk {
        std::string bytes;
        std::span<const int> descriptors;
    };
    const std::span<const int> none;
    const std::span<const int> one(fds, 1);
    const Talk talks[] = {
        {words({1, 2, 0}, 4), none},                      // another version
        {words({1, 5, 0}, 4), none},                      // a reply
        {words({77, 1, 0}, 4), none},                     // an unknown request
        {words({1, 1, 0xFFFFFFFF}, 4), none},             // a huge payload
        {message(2, "short"), none},                      // a payload of the wrong size
        {message(8, words({2, 128}, 4)), none},           // a queue that does not exist
        {message(12, words({0}, 8)), none},               // a kick without its descriptor
        {message(12, words({0x100}, 8)), none},           // polling
        {message(1, ""), one},                            // a descriptor nobody wants
        {message(12, words({0}, 8)), std::span(fds, 9)},  // too many of them
        {message(5, words({1, 0, 4096, 0, 0}, 8)), one},  // memory that is no file
        {message(5, words({1, 0, 8192, 0, 0}, 8)), std::span(&small, 1)},  // beyond its end
        {message(5, words({1, 0, 4096, 0, 1}, 8)), std::span(&small, 1)},
        {message(5, words({1, 0, 4096, 0, ~std::uint64_t{0}}, 8)), std::span(&small, 1)},
        {message(5, words({1, ~std::uint64_t{0}, 4096, 0, 0}, 8)), std::span(&small, 1)},
        {message(25, words({0, 8, 0}, 4) + std::string(8, 'x')), none},
        {message(2, words({std::uint64_t{1} << 34}, 8)), none},
        {message(8, words({0, 3}, 4)), none},  // no power of two
        {message(8, words({0, 65536}, 4)), none},
        {message(9, words({0, 0}, 4) + words({0, 0, 0, 0}, 8)), none},  // rings nowhere
    };
    for (const Talk& talk : talks) {
        INFO("request " << static_cast<int>(talk.bytes[0]) << " of " << talk.bytes.size());
        GuestDriver bad(scene.daemon.path("16.vhost"));
        bad.send_raw(bytes_of(talk.bytes), talk.descriptors);
        CHECK_FALSE(bad.attached(milliseconds(5000)));
    }
    scene.check_unharmed();
}

TEST_CASE("a kick descriptor that is readable for ever ends its guest") {
    Scene scene;
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const base::Fd read_end(ends[0]);
    base::Fd write_end(ends[1]);
    write_end.reset();
    GuestDriver bad(scene.daemon.path("16.vhost"));
    bad.send_raw(bytes_of(message(12, words({1}, 8))), std::span(&ends[0], 1));
    CHECK_FALSE(bad.attached(milliseconds(5000)));
    scene.check_unharmed();
}

TEST_CASE("messages may come in pieces and answers are given when asked for") {
    Scene scene;
    GuestDriver driver(scene.daemon.path("16.vhost"));
    const std::string request = message(2, words({std::uint64_t{1} << 32 | 1u << 30}, 8), 1 | 8);
    for (std::size_t at = 0; at < request.size(); ++at) {
        const std::string piece = request.substr(at, 1);
        driver.send_raw(bytes_of(piece));
    }
    CHECK(driver.read_reply() == std::string(8, '\0'));
    driver.send_raw(bytes_of(message(24, words({4, 8, 0}, 4) + std::string(8, '\0'))));
    CHECK(driver.read_reply().empty());  // an access beyond the end
    CHECK(driver.attached(milliseconds(50)));
}
