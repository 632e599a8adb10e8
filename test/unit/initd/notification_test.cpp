// The sd_notify protocol: every key, what is passed over and what is bad.
#include "notification.h"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <string>

#include "base/file.h"

using namespace initd;
using namespace std::chrono_literals;

namespace {

Notification parsed(std::string_view datagram) {
    std::string_view why;
    const auto notification = parse_notification(datagram, why);
    INFO(datagram << ": " << why);
    REQUIRE(notification);
    return *notification;
}

std::string error_of(std::string_view datagram) {
    std::string_view why = "no error";
    return parse_notification(datagram, why) ? "no error" : std::string(why);
}

}  // namespace

TEST_CASE("a datagram says several things at once") {
    const Notification said = parsed(
        "READY=1\nSTATUS=serving\nMAINPID=4711\nWATCHDOG=1\nWATCHDOG_USEC=2500000\n"
        "EXTEND_TIMEOUT_USEC=1\nSTOPPING=1\n");
    CHECK(said.ready);
    CHECK(said.stopping);
    CHECK(said.alive);
    CHECK_FALSE(said.lapsed);
    CHECK(said.status == "serving");
    CHECK(said.main_pid == 4711);
    CHECK(said.watchdog == 2500ms);
    CHECK(said.extend == 1ms);
    CHECK(parsed("WATCHDOG=trigger").lapsed);
}

TEST_CASE("what is not known is passed over") {
    const Notification said = parsed(
        "RELOADING=1\nMONOTONIC_USEC=12\nFDSTORE=1\nX_MINE=a=b\n\nERRNO=2\nBARRIER=1\nREADY=1");
    CHECK(said.ready);
    CHECK_FALSE(said.status);
    CHECK_FALSE(parsed("").ready);
}

TEST_CASE("a status is cut and may be empty") {
    CHECK(parsed("STATUS=").status == "");
    const std::string text = "STATUS=" + std::string(1000, 'x');
    CHECK(parsed(text).status->size() == kLongestStatus);
}

TEST_CASE("what is not the protocol is bad") {
    CHECK(error_of("ready") == "a line has no KEY=");
    CHECK(error_of("READY=1\n=x") == "a line has no KEY=");
    CHECK(error_of("READY=0") == "READY, STOPPING or RELOADING is not 1");
    CHECK(error_of("READY=") == "READY, STOPPING or RELOADING is not 1");
    CHECK(error_of("WATCHDOG=2") == "WATCHDOG is neither 1 nor trigger");
    for (const char* pid : {"", "0", "1", "-5", "x", "4194305", "99999999999999999999"}) {
        INFO(pid);
        CHECK(error_of(std::string("MAINPID=") + pid) == "MAINPID is no process id");
    }
    CHECK(error_of("WATCHDOG_USEC=1s") == "WATCHDOG_USEC is no number");
    CHECK(error_of("EXTEND_TIMEOUT_USEC=") == "EXTEND_TIMEOUT_USEC is no number");
    CHECK(error_of(std::string_view("READY=1\0", 8)) == "it has a NUL byte");
    CHECK(error_of(std::string(kLongestNotification + 1, 'a')) == "it is too long");
}

TEST_CASE("a time longer than a year is a year, and one below a millisecond is one") {
    CHECK(parsed("EXTEND_TIMEOUT_USEC=9999999999999999999").extend == 366 * 24h);
    CHECK(parsed("WATCHDOG_USEC=1").watchdog == 1ms);
    CHECK(parsed("WATCHDOG_USEC=0").watchdog == 0ms);
}

TEST_CASE("the notification vectors are what their names say") {
    std::size_t count = 0;
    for (const auto& file :
         std::filesystem::directory_iterator(std::string(VECTORS) + "/notification")) {
        INFO(file.path());
        const auto text = base::read_file(file.path(), 65536);
        REQUIRE(text.ok());
        std::string_view why;
        CHECK(parse_notification(text.value(), why).has_value() ==
              (file.path().extension() == ".ok"));
        ++count;
    }
    CHECK(count >= 5);
}
