// The text of hosts(5), and the file as it changes.
#include "hosts_file.h"

#include <stdlib.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <fstream>

using namespace std::chrono_literals;
using pf_proxy::HostsFile;
using pf_proxy::HostTable;
using vsockio::IpAddress;

TEST_CASE("a line of hosts(5) gives its address to all its names") {
    const HostTable table = pf_proxy::parse_hosts(
        "# 192.0.2.1 comment\n"
        "192.0.2.7\tDB.Internal  db # 192.0.2.8\r\n"
        "  2001:db8::7 db\n"
        "192.0.2.7 db\n"
        "::ffff:192.0.2.9 mapped.");
    CHECK(table.size() == 3);
    CHECK(table.at("db.internal") == std::vector{IpAddress::v4(192, 0, 2, 7)});
    CHECK(table.at("db") == std::vector{IpAddress::v4(192, 0, 2, 7),
                                        IpAddress::v6({0x2001, 0xdb8, 0, 0, 0, 0, 0, 7})});
    CHECK(table.at("mapped") == std::vector{IpAddress::v4(192, 0, 2, 9)});
}

TEST_CASE("what is no address or no name in hosts(5) is passed over") {
    const HostTable table = pf_proxy::parse_hosts(
        "192.0.2 a\n0x7f.1 b\nfe80::1%lo0 c\n192.0.2.1\n\n192.0.2.1 127.1 10.0.0.1 d..e f ");
    CHECK(table.size() == 1);
    CHECK(table.contains("f"));
}

TEST_CASE("a changed file is read again, a second later") {
    char path[] = "/tmp/hosts_file_test_XXXXXX";
    const int fd = ::mkstemp(path);
    REQUIRE(fd >= 0);
    ::close(fd);
    HostsFile hosts(path);
    CHECK(hosts.find("a", 0ms).empty());
    std::ofstream(path) << "192.0.2.1 a\n";
    CHECK(hosts.find("a", 999ms).empty());
    CHECK(hosts.find("a", 1000ms).size() == 1);
    ::unlink(path);
    CHECK(hosts.find("a", 2000ms).empty());
    CHECK(HostsFile("").find("a", 0ms).empty());
}

TEST_CASE("localhost is the loopback without any file") {
    HostsFile hosts("");
    CHECK(hosts.find("localhost", 0ms).size() == 2);
    CHECK(to_string(hosts.find("a.localhost", 0ms).front()) == "127.0.0.1");
    CHECK(hosts.find("notlocalhost", 0ms).empty());
}
