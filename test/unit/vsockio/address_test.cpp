// Addresses: every form, and what is wrong with the others.
#include "vsockio/address.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

using vsockio::Address;
using vsockio::Direction;
using vsockio::parse_address;

TEST_CASE("every form is read and printed back the same") {
    for (const std::string text :
         {"vsock:16:5000", "vsock:any:1", "vsock:3:4294967294", "tcp:example.org:80", "tcp:[::1]:0",
          "tcp:127.0.0.1:65535", "udp:[fe80::1%eth0]:53", "unix:/run/x.sock", "unix:@abstract",
          "unix:relative:with:colons", "fd:3", "muxed:/run/16.sock:9000", "muxed:a:b:7"}) {
        INFO(text);
        const auto address = parse_address(text);
        REQUIRE(address.ok());
        CHECK(to_string(address.value()) == text);
    }
}

TEST_CASE("the names of CIDs stand for their numbers") {
    CHECK(parse_address("vsock:parent:1").value().cid == 3);
    CHECK(parse_address("vsock:host:1").value().cid == 2);
    CHECK(parse_address("vsock:local:1").value().cid == 1);
    CHECK(parse_address("vsock:any:1").value().cid == vsockio::kCidAny);
}

TEST_CASE("a wrong address is refused with a sentence that quotes it") {
    const std::string long_path(200, 'x');
    for (const std::string& text : {std::string(""),
                                    std::string("vsock"),
                                    std::string("vsock:"),
                                    std::string("vsock:16"),
                                    std::string("vsock:16:"),
                                    std::string("vsock:16:0"),
                                    std::string("vsock:16:4294967295"),
                                    std::string("vsock:parents:1"),
                                    std::string("vsock:-1:1"),
                                    std::string("vsock:4294967296:1"),
                                    std::string("vsock:3:12x"),
                                    std::string("tcp:host"),
                                    std::string("tcp::80"),
                                    std::string("tcp:host:65536"),
                                    std::string("tcp:::1:80"),
                                    std::string("tcp:[::1]80"),
                                    std::string("tcp:[::1:80"),
                                    std::string("tcp:a b:80"),
                                    std::string("unix:"),
                                    std::string("unix:@"),
                                    "unix:" + long_path,
                                    std::string("unix:a\0b", 8),
                                    std::string("fd:"),
                                    std::string("fd:x"),
                                    std::string("fd:99999999"),
                                    std::string("muxed:/x"),
                                    std::string("muxed::5"),
                                    std::string("http://x"),
                                    "tcp:" + std::string(300, 'a') + ":80"}) {
        INFO(text);
        const auto address = parse_address(text);
        REQUIRE_FALSE(address.ok());
        CHECK(address.error().code == base::ExitCode::usage);
        CHECK(address.error().message.find("bad address") != std::string::npos);
    }
}

TEST_CASE("through vsockd's folder a vsock address becomes a socket in it") {
    const auto connect = [](const char* text) {
        return to_string(
            through_folder(parse_address(text).value(), Direction::connect, "/run/v").value());
    };
    CHECK(connect("vsock:16:5000") == "muxed:/run/v/16.sock:5000");
    CHECK(connect("tcp:a:1") == "tcp:a:1");

    const auto listen = [](const char* text) {
        return through_folder(parse_address(text).value(), Direction::listen, "/run/v");
    };
    CHECK(to_string(listen("vsock:any:7").value()) == "unix:/run/v/parent_7");
    CHECK(to_string(listen("vsock:3:7").value()) == "unix:/run/v/parent_7");
    CHECK(to_string(listen("vsock:2:7").value()) == "unix:/run/v/parent_7");
    CHECK_FALSE(listen("vsock:16:7").ok());
    CHECK_FALSE(
        through_folder(parse_address("vsock:any:7").value(), Direction::connect, "/run/v").ok());
    CHECK(through_folder(parse_address("vsock:16:7").value(), Direction::connect, "").value().cid ==
          16);
}
