// Transfers that break off, go on, run in parts, or meet a full disk and closed doors.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "copy_support.h"

using namespace copy_test;  // a test's own helpers
using pipeline::CopyReceiver;
using pipeline::CopySender;
using pipeline::CopyStyle;
using pipeline::Jail;

namespace {

// Runs the transfer up to `stop_after` bytes and drops both engines.
void break_off(const std::string& from, const std::string& to, CopyStyle style, bool resume,
               std::uint64_t stop_after) {
    const Jail jail = Jail::everywhere();
    CopySender sender(source(from), sending(false, resume));
    CopyReceiver receiver(target(jail, to, style), receiving(false, resume));
    pump(sender, receiver, 10'000, stop_after);
}

}  // namespace

TEST_CASE("what breaks off leaves nothing, and with resume a partial file that goes on") {
    const Folder from;
    const std::string content = noise(1'000'000, 5);
    write_file(from / "f", content);
    const Folder plain;
    break_off(from / "f", plain / "f", CopyStyle::file, false, 500'000);
    CHECK(describe(plain.path(), false).empty());

    const Folder kept;
    break_off(from / "f", kept / "f", CopyStyle::file, true, 500'000);
    CHECK_FALSE(std::filesystem::exists(kept / "f"));
    REQUIRE(hidden_names(kept.path()).size() == 1);
    const Outcome outcome = copy_file(from / "f", kept / "f", 10'000, true);
    REQUIRE(outcome.done());
    CHECK(outcome.result.bytes < 600'000);
    CHECK(read_file(kept / "f") == content);
    CHECK(hidden_names(kept.path()).empty());
}

TEST_CASE("a partial file of something else starts again") {
    const Folder from;
    const Folder to;
    write_file(from / "f", noise(1'000'000, 5));
    break_off(from / "f", to / "f", CopyStyle::file, true, 500'000);
    write_file(from / "f", noise(700'000, 6));
    Outcome outcome = copy_file(from / "f", to / "f", 65536, true);
    REQUIRE(outcome.done());
    CHECK(outcome.result.bytes == 700'000);
    CHECK(read_file(to / "f") == read_file(from / "f"));
    // Longer than the whole, too.
    write_file(to / pipeline::partial_name("g"), noise(900'000, 7));
    outcome = copy_file(from / "f", to / "g", 65536, true);
    REQUIRE(outcome.done());
    CHECK(read_file(to / "g") == read_file(from / "f"));
}

TEST_CASE("two resumed transfers of one file do not mix") {
    const Folder from;
    const Folder to;
    write_file(from / "f", noise(300'000, 5));
    const Jail jail = Jail::everywhere();
    CopySender sender(source(from / "f"), sending(false, true));
    CopyReceiver receiver(target(jail, to / "f", CopyStyle::file), receiving(false, true));
    pump(sender, receiver, 10'000, 100'000);
    CopySender other(source(from / "f"), sending(false, true));
    pipeline::ReceiveOptions hasty = receiving(false, true);
    hasty.patience = std::chrono::milliseconds(50);
    CopyReceiver refused(target(jail, to / "f", CopyStyle::file), hasty);
    const Outcome second = pump(other, refused, 65536);
    REQUIRE(second.sender_failures.size() == 1);
    CHECK(second.sender_failures[0].errno_value == EBUSY);
    const Outcome first = pump(sender, receiver, 10'000);
    REQUIRE(first.done());
    CHECK(read_file(to / "f") == read_file(from / "f"));
}

TEST_CASE("a resumed transfer waits for the one before it to notice its end") {
    const Folder from;
    const Folder to;
    write_file(from / "f", noise(300'000, 5));
    const Jail jail = Jail::everywhere();
    CopySender sender(source(from / "f"), sending(false, true));
    auto before = std::make_unique<CopyReceiver>(target(jail, to / "f", CopyStyle::file),
                                                 receiving(false, true));
    pump(sender, *before, 10'000, 100'000);
    std::thread ending([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        before.reset();
    });
    const Outcome after = copy_file(from / "f", to / "f", 65536, true);
    ending.join();
    REQUIRE(after.done());
    CHECK(after.result.bytes < 300'000);
    CHECK(read_file(to / "f") == read_file(from / "f"));
}

TEST_CASE("a resumed tree skips what is complete") {
    const Folder from;
    const Folder to;
    make_folder(from / "d");
    for (int file = 0; file < 50; ++file) {
        write_file(from / ("d/" + std::to_string(file)), noise(20'000, 1));
    }
    std::filesystem::create_hard_link(from / "d/3", from / "link");
    REQUIRE(copy_tree(from.path(), to / "t", 65536, false, true).done());
    write_file(from / "d/7", noise(20'001, 2));
    const Outcome outcome = copy_tree(from.path(), to / "t", 65536, false, true);
    REQUIRE(outcome.done());
    CHECK(outcome.result.bytes == 20'001);
    CHECK(outcome.result.failures == 0);
    CHECK(describe(to / "t", false) == describe(from.path(), false));
    CHECK(hidden_names(to.path()).empty());
}

TEST_CASE("killed at any point, a transfer leaves no half file under a final name") {
    const Folder from;
    make_folder(from / "d");
    for (int file = 0; file < 40; ++file) {
        write_file(from / ("d/" + std::to_string(file)), noise(300'000, 1));
    }
    write_file(from / "large", noise(8'000'000, 2));
    std::mt19937 chance(7);
    const Folder to;
    for (int round = 0; round < 50; ++round) {
        const bool resume = round % 2 == 0;
        if (!resume) std::filesystem::remove_all(to / "t");
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            copy_tree(from.path(), to / "t", 65536, false, resume);
            ::_exit(0);
        }
        std::this_thread::sleep_for(std::chrono::microseconds(chance() % 40'000));
        ::kill(child, SIGKILL);
        REQUIRE(::waitpid(child, nullptr, 0) == child);
        if (!std::filesystem::exists(to / "t")) continue;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(to / "t")) {
            const std::string name = entry.path().filename().string();
            if (!entry.is_regular_file() || name.starts_with(".enclavebox-")) continue;
            const auto relative = std::filesystem::relative(entry.path(), to / "t");
            INFO(relative.string());
            CHECK(read_file(entry.path().string()) == read_file(from.path() / relative));
        }
    }
    REQUIRE(copy_tree(from.path(), to / "t", 65536, false, true).done());
    for (const auto& name : hidden_names(to / "t")) {
        // A name of a moment, between linking and renaming, is all that a kill may leave.
        CHECK_FALSE(name.ends_with(".part"));
        for (const char* folder : {"t/", "t/d/"})
            ::unlink((to / (folder + name)).c_str());
    }
    set_time(to / "t/d", 5, 5);
    set_time(from / "d", 5, 5);
    CHECK(describe(to / "t", false) == describe(from.path(), false));
}

TEST_CASE("parts written side by side become one file with the digest of the whole") {
    const Folder from;
    const Folder to;
    const std::string content = noise(3'000'000, 8);
    write_file(from / "f", content);
    const Jail jail = Jail::everywhere();
    std::vector<std::unique_ptr<CopySender>> senders;
    std::vector<std::unique_ptr<CopyReceiver>> receivers;
    for (std::uint64_t part = 0; part < 3; ++part) {
        auto options = sending();
        options.part = {part * 1'000'000, 1'000'000};
        senders.push_back(std::make_unique<CopySender>(source(from / "f"), options));
        receivers.push_back(std::make_unique<CopyReceiver>(target(jail, to / "f", CopyStyle::file),
                                                           receiving(false, true)));
    }
    for (std::uint64_t step = 1; step <= 4; ++step) {
        for (std::size_t part = 0; part < 3; ++part) {
            const Outcome outcome =
                pump(*senders[part], *receivers[part], 50'000, step == 4 ? UINT64_MAX : 200'000);
            if (step < 4) CHECK_FALSE(std::filesystem::exists(to / "f"));
            if (step == 4) REQUIRE(outcome.done());
        }
    }
    receivers.clear();
    const Outcome outcome = copy_file(from / "f", to / "f", 65536, true);
    REQUIRE(outcome.done());
    CHECK(outcome.result.bytes == 0);
    CHECK(read_file(to / "f") == content);
    CHECK(hidden_names(to.path()).empty());
}
