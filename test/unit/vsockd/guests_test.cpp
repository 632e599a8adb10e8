// Several guests, and guests that come, go, start anew or pause, against the real binary.
#include <catch2/catch_test_macros.hpp>

#include "pair.h"

using namespace test;
using std::chrono::milliseconds;
using vsockd::kShutdownSend;

TEST_CASE("a guest cannot have more connections than allowed") {
    Daemon daemon({"--guest=16", "--max-connections=3"});
    const base::Fd listener = listen_on(daemon.path("parent_5000"));
    GuestDriver driver(daemon.path("16.vhost"));
    GuestStack stack(driver);
    for (int count = 0; count < 3; ++count)
        CHECK(stack.connect(stack.start_connect(3, 5000)));
    CHECK_FALSE(stack.connect(stack.start_connect(3, 5000)));
}

TEST_CASE("guests cannot connect to each other unless allowed") {
    for (const bool allowed : {false, true}) {
        std::vector<std::string> arguments{"--guest=16", "--guest=17"};
        if (allowed) arguments.push_back("--allow-siblings");
        Daemon daemon(arguments);
        GuestDriver first(daemon.path("16.vhost"));
        GuestDriver second(daemon.path("17.vhost"));
        GuestStack client(first);
        GuestStack server(second);
        server.listen(80);
        GuestSocket& refused = client.start_connect(18, 80);
        CHECK_FALSE(client.connect(refused));
        GuestSocket& asking = client.start_connect(17, 80);
        if (!allowed) {
            CHECK_FALSE(client.connect(asking));
            CHECK_FALSE(server.pump(milliseconds(100)));
            continue;
        }
        GuestSocket& asked = server.accept();
        CHECK(asked.peer_cid == 16);
        CHECK(asked.peer_port == asking.guest_port);
        REQUIRE(client.connect(asking));
        const std::string data = pattern(300'000);
        client.write(asking, data.substr(0, 200'000));
        CHECK(server.read(asked, 200'000) == data.substr(0, 200'000));
        server.write(asked, "back");
        CHECK(client.read(asking, 4) == "back");
        client.shutdown(asking, kShutdownSend);
        while (asked.peer_done == 0)
            REQUIRE(server.pump());
        GuestSocket& nobody = client.start_connect(17, 81);
        REQUIRE(server.pump());
        CHECK_FALSE(client.connect(nobody));
    }
}

TEST_CASE("the heartbeat is answered when nobody listens") {
    Daemon daemon({"--guest=16", "--heartbeat"});
    GuestDriver driver(daemon.path("16.vhost"));
    GuestStack stack(driver);
    GuestSocket& guest = stack.start_connect(3, 9000);
    REQUIRE(stack.connect(guest));
    stack.write(guest, "\xB7");
    CHECK(stack.read(guest, 1) == "\xB7");
    CHECK(daemon.log().find("msg=heartbeat cid=16") != std::string::npos);
    const base::Fd listener = listen_on(daemon.path("parent_9000"));
    REQUIRE(stack.connect(stack.start_connect(3, 9000)));
    CHECK(readable(listener, milliseconds(1000)));
}

TEST_CASE("a guest killed in mid transfer ends its hosts and leaves the other guest alone") {
    Daemon daemon({"--guest=16", "--guest=17"});
    const base::Fd listener = listen_on(daemon.path("parent_5000"));
    GuestDriver other_driver(daemon.path("17.vhost"));
    GuestStack other(other_driver);
    GuestSocket& other_guest = other.start_connect(3, 5000);
    REQUIRE(other.connect(other_guest));
    const base::Fd other_host = accept_from(listener);
    for (int round = 0; round < 3; ++round) {
        const std::string data = pattern(100'000);
        base::Fd host;
        {
            GuestDriver driver(daemon.path("16.vhost"));
            GuestStack stack(driver);
            GuestSocket& guest = stack.start_connect(3, 5000);
            REQUIRE(stack.connect(guest));
            host = accept_from(listener);
            stack.write(guest, data);
        }
        CHECK(read_text(host, data.size() + 1) == data);
        other.write(other_guest, "alive");
        CHECK(read_text(other_host, 5) == "alive");
    }
}

TEST_CASE("a second front end is turned away while the first is there") {
    Pair pair;
    CHECK_THROWS(GuestDriver(pair.daemon.path("16.vhost")));
    pair.stack.write(pair.guest, "still here");
    CHECK(read_text(pair.host, 10) == "still here");
}

TEST_CASE("a rebooted guest starts without its old connections") {
    Pair pair;
    pair.driver.stop();
    CHECK_FALSE(readable(pair.host, milliseconds(50)));
    pair.driver.restart(true);
    CHECK(at_end(pair.host));
    GuestSocket& again = pair.stack.start_connect(3, 5000);
    CHECK(pair.stack.connect(again));
}

TEST_CASE("a paused guest keeps its connections") {
    Pair pair;
    pair.stack.write(pair.guest, "before");
    pair.driver.stop();
    write_text(pair.host, "meanwhile");
    pair.driver.restart(false);
    CHECK(read_text(pair.host, 6) == "before");
    CHECK(pair.stack.read(pair.guest, 9) == "meanwhile");
    pair.stack.write(pair.guest, "after");
    CHECK(read_text(pair.host, 5) == "after");
}
