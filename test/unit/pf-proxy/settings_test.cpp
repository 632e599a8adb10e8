// What command lines mean, and which are refused with a reason.
#include "settings.h"

#include <catch2/catch_test_macros.hpp>

#include "options.h"

using pf_proxy::Mode;
using pf_proxy::Settings;

namespace {

base::Result<Settings> parse(std::vector<std::string> words) {
    std::vector<char*> pointers;
    for (std::string& word : words)
        pointers.push_back(word.data());
    const auto arguments = base::parse_arguments(pf_proxy::kTool, pointers);
    if (!arguments.ok()) return arguments.error();
    return pf_proxy::parse_settings(arguments.value());
}

std::string refusal(std::vector<std::string> words) {
    const auto settings = parse(std::move(words));
    return settings.ok() ? "accepted" : settings.error().message;
}

std::vector<std::string> words_for(std::vector<std::string> argv) {
    std::vector<char*> pointers;
    for (std::string& word : argv)
        pointers.push_back(word.data());
    std::vector<std::string> words;
    for (const char* word : pf_proxy::words_with_mode(pointers))
        words.emplace_back(word);
    return words;
}

}  // namespace

TEST_CASE("a link by the name of a mode is that mode") {
    using Words = std::vector<std::string>;
    REQUIRE(words_for({"/usr/bin/vsock-to-ip", "a", "b"}) ==
            Words{"/usr/bin/vsock-to-ip", "vsock-to-ip", "a", "b"});
    REQUIRE(words_for({"addr-info"}) == Words{"addr-info", "addr-info"});
    REQUIRE(words_for({"./pf-proxy", "addr-info"}) == Words{"./pf-proxy", "addr-info"});
    REQUIRE(words_for({"vsock-to-ip-x"}) == Words{"vsock-to-ip-x"});
    REQUIRE(words_for({}).empty());
}

TEST_CASE("fixed targets come in their order, with more listeners by option") {
    const auto settings = parse({"ip-to-vsock", "tcp:127.0.0.1:80", "vsock:16:80", "unix:/x", "-l",
                                 "unix:/y", "--balance", "least-connections"});
    REQUIRE(settings.ok());
    REQUIRE(settings.value().mode == Mode::ip_to_vsock);
    REQUIRE(settings.value().listeners.size() == 2);
    REQUIRE(to_string(settings.value().listeners[1]) == "unix:/y");
    REQUIRE(settings.value().targets.size() == 2);
    REQUIRE(to_string(settings.value().targets[0]) == "vsock:16:80");
    REQUIRE(settings.value().balance == pf_proxy::Balance::least_connections);
}

TEST_CASE("a target without a port gets that of the connection") {
    const auto at = [](const std::string& target) {
        const auto settings = parse({"transparent-port-to-vsock", "tcp:0.0.0.0:1", target});
        REQUIRE(settings.ok());
        return to_string(settings.value().port_target->at(9000));
    };
    REQUIRE(at("16") == "vsock:16:9000");
    REQUIRE(at("vsock:16") == "vsock:16:9000");
    REQUIRE(at("tcp:example.org") == "tcp:example.org:9000");
    REQUIRE(at("tcp:[::1]") == "tcp:[::1]:9000");
    REQUIRE(at("muxed:/run/16.sock") == "muxed:/run/16.sock:9000");
    REQUIRE(at("unix:/run/parent") == "unix:/run/parent_9000");
    REQUIRE(refusal({"transparent-port-to-vsock", "tcp:0.0.0.0:1", "vsock:16:80"}) ==
            "'vsock:16:80' is no target without a port");
}

TEST_CASE("a range of ports is a listener for each, and all of them are carried") {
    const auto settings = parse({"transparent-port-to-vsock", "tcp:[::]:9000-9003", "16"});
    REQUIRE(settings.ok());
    REQUIRE(settings.value().listeners.size() == 4);
    REQUIRE(to_string(settings.value().listeners[3]) == "tcp:[::]:9003");
    REQUIRE(settings.value().ports == std::vector<policy::PortRange>{{9000, 9003}});
    const auto told =
        parse({"transparent-port-to-vsock", "tcp:127.0.0.1:1", "16", "--ports", "443,80-90"});
    REQUIRE(told.ok());
    REQUIRE(told.value().ports == std::vector<policy::PortRange>{{443, 443}, {80, 90}});
    REQUIRE_FALSE(parse({"ip-to-vsock", "tcp:0.0.0.0:1-2", "vsock:16:1"}).ok());
    REQUIRE_FALSE(parse({"transparent-port-to-vsock", "tcp:0.0.0.0:1-65535", "16"}).ok());
}

TEST_CASE("a kept port takes the client from a header and gives it on either way") {
    const auto inside = parse({"transparent-port-to-vsock", "vsock:any:9000-9100", "tcp:localhost",
                               "--proxy-in", "--source", "client", "--header-timeout", "1s"});
    REQUIRE(inside.ok());
    CHECK(inside.value().proxy_in);
    CHECK(inside.value().client_source);
    CHECK(inside.value().limits.header == std::chrono::seconds(1));
    const auto outside =
        parse({"transparent-port-to-vsock", "tcp:[::]:9000-9100", "16", "--proxy-out", "v2"});
    REQUIRE(outside.ok());
    CHECK(outside.value().proxy_out == 2);
    CHECK_FALSE(outside.value().proxy_in);
    CHECK(refusal({"transparent-port-to-vsock", "tcp:[::]:1", "16", "--source", "client"}) ==
          "--source client needs a target of TCP");
    CHECK(refusal({"transparent-port-to-vsock", "tcp:[::]:1", "16", "--source", "me"})
              .starts_with("--source 'me'"));
}

TEST_CASE("what cannot be meant is refused with the option's name") {
    REQUIRE(refusal({"ip-to-vsock", "tcp:0.0.0.0:1"}) == "expected LISTEN TARGET...");
    REQUIRE(refusal({"ip-to-vsock", "unix:/x", "fd:3"}) ==
            "cannot connect to 'fd:3' again and again");
    REQUIRE(refusal({"ip-to-vsock", "unix:/x", "udp:127.0.0.1:1", "unix:/y"}) ==
            "targets are all of UDP, or none is");
    REQUIRE(refusal({"ip-to-vsock-transparent", "unix:/x", "udp:127.0.0.1:1"}) ==
            "'udp:127.0.0.1:1' is no stream");
    REQUIRE(refusal({"vsock-to-ip", "udp:127.0.0.1:0", "udp:127.0.0.1:1"}).starts_with("flows"));
    REQUIRE(refusal({"vsock-to-ip", "unix:/x", "udp:127.0.0.1:1", "--proxy-out", "v1"})
                .starts_with("targets of UDP"));
    REQUIRE(
        refusal({"ip-to-vsock", "unix:/x", "tcp:127.0.0.1:0"}).starts_with("cannot connect to"));
    REQUIRE(refusal({"ip-to-vsock", "unix:/x", "unix:/y", "--connect-timeout", "0"})
                .starts_with("--connect-timeout"));
    REQUIRE(
        refusal({"ip-to-vsock", "unix:/x", "unix:/y", "--source", "me"}).starts_with("--source"));
    REQUIRE(
        refusal({"ip-to-vsock", "unix:/x", "unix:/y", "--workers", "0"}).starts_with("--workers"));
    REQUIRE(refusal({"vsock-to-ip-transparent", "unix:/x", "unix:/y"}) ==
            "unexpected operand 'unix:/y'");
    REQUIRE(refusal({"vsock-to-ip-transparent", "unix:/x", "--proxy-in"})
                .starts_with("unknown option"));
    REQUIRE(refusal({"transparent-port-to-vsock", "unix:/x", "16"}) == "no port would be carried");
}
