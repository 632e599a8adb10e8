// What a client remembers: recognition, the file's lines, and updates at the same time.
#include "known_enclaves.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>

#include "base/file.h"
#include "folder.h"
#include "known_enclaves_file.h"

using namespace pipeline;

namespace {

Register filled(unsigned value) {
    Register made;
    made.fill(static_cast<std::byte>(value));
    return made;
}

Measured measured() {
    return {filled(0x10), filled(0x11), filled(0x12), std::nullopt, false};
}

vsockio::Address address(const char* text) {
    return vsockio::parse_address(text).value();
}

std::string digits(const char* two) {
    std::string text;
    for (int count = 0; count < 48; ++count)
        text += two;
    return text;
}

std::string error_of(const std::string& text) {
    const auto known = parse_known(text, "known");
    if (known.ok()) FAIL("accepted: " << text);
    CHECK(known.error().code == base::ExitCode::config);
    return known.error().message;
}

}  // namespace

TEST_CASE("an enclave is unknown, then the same, then changed by name") {
    using Answer = Recognition::Answer;
    const auto where = address("vsock:16:5000");
    CHECK(recognise({}, where, measured()).answer == Answer::unknown);
    const auto known = remembered({}, where, measured());
    CHECK(recognise(known, where, measured()).answer == Answer::same);
    CHECK(recognise(known, address("vsock:16:5001"), measured()).answer == Answer::unknown);
    Measured other = measured();
    other.pcr1 = filled(0xAB);
    const Recognition changed = recognise(known, where, other);
    CHECK(changed.answer == Answer::changed);
    REQUIRE(changed.changes.size() == 1);
    CHECK(changed.changes[0].what == "PCR1");
    CHECK(changed.changes[0].expected == digits("11"));
    CHECK(changed.changes[0].seen == digits("ab"));
}

TEST_CASE("every part of a measurement counts") {
    const auto where = address("vsock:16:5000");
    const auto known = remembered({}, where, measured());
    const auto what = [&](auto change) {
        Measured other = measured();
        change(other);
        const Recognition recognition = recognise(known, where, other);
        return recognition.changes.empty() ? "" : recognition.changes[0].what;
    };
    CHECK(what([](Measured& m) { m.pcr0[47] ^= std::byte{1}; }) == "PCR0");
    CHECK(what([](Measured& m) { m.pcr1[0] ^= std::byte{1}; }) == "PCR1");
    CHECK(what([](Measured& m) { m.pcr2[9] ^= std::byte{1}; }) == "PCR2");
    CHECK(what([](Measured& m) { m.pcr8 = filled(8); }) == "PCR8");
    CHECK(what([](Measured& m) { m.emulated = true; }) == "emulated");
    Measured signed_image = measured();
    signed_image.pcr8 = filled(8);
    const auto change =
        recognise(remembered({}, where, signed_image), where, measured()).changes.at(0);
    CHECK(change.expected == digits("08"));
    CHECK(change.seen == "none");
}

TEST_CASE("lines are read back as they were written, odd addresses too") {
    Measured all = measured();
    all.pcr8 = filled(0x18);
    all.emulated = true;
    auto known = remembered({}, address("unix:/run/a b%c#\xC3\xA4\n"), measured());
    known = remembered(std::move(known), address("tcp:[::1]:80"), all);
    const std::string text = known_text(known);
    CHECK(text.starts_with("unix:/run/a%20b%25c%23%C3%A4%0A pcr0=1010"));
    CHECK(text.find(" pcr8=" + digits("18") + " emulated\n") != std::string::npos);
    const auto again = parse_known("# by hand\n\n" + text, "known");
    REQUIRE(again.ok());
    CHECK(known_text(again.value()) == text);
    CHECK(recognise(again.value(), address("tcp:[::1]:80"), all).answer ==
          Recognition::Answer::same);
}

TEST_CASE("a line that is not quite one is refused at its place") {
    const std::string regs =
        " pcr0=" + digits("00") + " pcr1=" + digits("01") + " pcr2=" + digits("02");
    CHECK(parse_known("vsock:16:5000" + regs + "\n", "known").ok());
    CHECK(error_of("nowhere" + regs).starts_with("known:1:1: bad address 'nowhere'"));
    CHECK(error_of("unix:%4" + regs) == "known:1:1: a % is not followed by two digits");
    CHECK(error_of("unix:%zz" + regs) == "known:1:1: a % is not followed by two digits");
    CHECK(error_of("vsock:16:5000") == "known:1:14: expected pcr0= and 96 digits");
    CHECK(error_of("vsock:16:5000 pcr0=00") == "known:1:15: expected pcr0= and 96 digits");
    CHECK(error_of("#\nvsock:16:5000 pcr1=" + digits("01")) ==
          "known:2:15: expected pcr0= and 96 digits");
    CHECK(error_of("vsock:16:5000" + regs + " x")
              .ends_with("expected pcr8=, emulated or the line's end"));
    CHECK(error_of("vsock:16:5000" + regs + " ").ends_with("line's end"));
    CHECK(error_of("vsock:16:5000" + regs + " emulated emulated").ends_with("line's end"));
    CHECK(error_of("vsock:16:5000 " + regs) == "known:1:15: expected pcr0= and 96 digits");
    CHECK(error_of("vsock:16:5000" + regs + "\nvsock:16:5000" + regs) ==
          "known:2:1: this address was there before");
    CHECK(error_of(std::string(kMaxKnownBytes + 1, '\n')) == "known:1:1: the file is too large");
}

TEST_CASE("what is remembered is there the next time, for the user alone") {
    const test::Folder folder;
    const std::string path = folder / "config/enclavebox/known_enclaves";
    CHECK(load_known(path).value().empty());
    REQUIRE(remember(path, address("vsock:16:5000"), measured()).ok());
    Measured other = measured();
    other.pcr0 = filled(0xFF);
    REQUIRE(remember(path, address("vsock:17:5000"), measured()).ok());
    REQUIRE(remember(path, address("vsock:16:5000"), other).ok());
    const auto known = load_known(path);
    REQUIRE(known.ok());
    CHECK(known.value().size() == 2);
    CHECK(recognise(known.value(), address("vsock:16:5000"), other).answer ==
          Recognition::Answer::same);
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    REQUIRE(::stat((folder / "config").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
}

TEST_CASE("a file that cannot be read is not overwritten") {
    const test::Folder folder;
    const std::string path = folder / "known";
    {
        base::OutputFile file = base::OutputFile::create(path).value();
        REQUIRE(base::write_all(file.fd(), std::as_bytes(std::span("broken", 6)), path).ok());
        REQUIRE(file.commit().ok());
    }
    CHECK_FALSE(remember(path, address("vsock:16:5000"), measured()).ok());
    CHECK(base::read_file(path, 100).value() == "broken");
}

TEST_CASE("clients that remember at the same time lose nothing") {
    const test::Folder folder;
    const std::string path = folder / "known";
    constexpr unsigned kClients = 8;
    constexpr unsigned kEach = 10;
    std::array<pid_t, kClients> clients{};
    for (unsigned client = 0; client < kClients; ++client) {
        clients[client] = ::fork();
        if (clients[client] != 0) continue;
        bool good = true;
        for (unsigned count = 0; count < kEach; ++count) {
            vsockio::Address where = address("vsock:16:1");
            where.port = 1 + client * kEach + count;
            good = good && remember(path, where, measured()).ok();
        }
        ::_exit(good ? 0 : 1);
    }
    for (const pid_t client : clients) {
        int status = -1;
        ::waitpid(client, &status, 0);
        CHECK(status == 0);
    }
    CHECK(load_known(path).value().size() == kClients * kEach);
}
