// How fast connections may come, and how many of one peer may be there.
#include "connection_limits.h"

#include <catch2/catch_test_macros.hpp>

using pf_proxy::PeerLimit;
using pf_proxy::RateLimit;
using std::chrono::milliseconds;

TEST_CASE("a second's worth of connections may come at once, then one after the other") {
    RateLimit rate(10);
    const milliseconds start(5'000);
    for (int count = 0; count < 10; ++count) {
        REQUIRE(rate.wait(start) == milliseconds(0));
        rate.spend();
    }
    REQUIRE(rate.wait(start) == milliseconds(100));
    REQUIRE(rate.wait(start + milliseconds(40)) == milliseconds(60));
    REQUIRE(rate.wait(start + milliseconds(100)) == milliseconds(0));
    rate.spend();
    REQUIRE(rate.wait(start + milliseconds(100)) == milliseconds(100));
}

TEST_CASE("a pause of an hour saves up no more than a second's worth") {
    RateLimit rate(3);
    REQUIRE(rate.wait(milliseconds(0)) == milliseconds(0));
    const milliseconds later = std::chrono::hours(1);
    int taken = 0;
    while (rate.wait(later).count() == 0 && taken < 100) {
        rate.spend();
        ++taken;
    }
    REQUIRE(taken == 3);
}

TEST_CASE("over a minute as many come as the rate says") {
    RateLimit rate(7);
    int taken = 0;
    for (milliseconds now(0); now < std::chrono::minutes(1);) {
        const milliseconds wait = rate.wait(now);
        now += wait;
        if (wait.count() > 0) continue;
        rate.spend();
        ++taken;
    }
    REQUIRE(taken >= 7 * 60);
    REQUIRE(taken <= 7 * 61);
}

TEST_CASE("a rate of 0 lets everything through, and a clock that stands still is no matter") {
    RateLimit none(0);
    for (int count = 0; count < 1000; ++count) {
        REQUIRE(none.wait(milliseconds(1)) == milliseconds(0));
        none.spend();
    }
    RateLimit rate(1);
    REQUIRE(rate.wait(milliseconds(10)) == milliseconds(0));
    rate.spend();
    REQUIRE(rate.wait(milliseconds(5)) == milliseconds(1000));
}

TEST_CASE("each peer has its own number of connections, and one that left frees a place") {
    PeerLimit peers(2);
    REQUIRE(peers.enter("192.0.2.1"));
    REQUIRE(peers.enter("192.0.2.1"));
    REQUIRE_FALSE(peers.enter("192.0.2.1"));
    REQUIRE(peers.enter("vsock:16"));
    peers.leave("192.0.2.1");
    REQUIRE(peers.enter("192.0.2.1"));
}

TEST_CASE("peers without connections take no memory") {
    PeerLimit peers(2);
    for (int peer = 0; peer < 1000; ++peer) {
        REQUIRE(peers.enter(std::to_string(peer)));
        peers.leave(std::to_string(peer));
    }
    REQUIRE(peers.peers() == 0);
    PeerLimit none(0);
    REQUIRE(none.enter("a"));
    REQUIRE(none.peers() == 0);
    none.leave("a");
}
