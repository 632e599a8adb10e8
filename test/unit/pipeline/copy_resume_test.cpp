// Transfers that break off, go on, run in parts, or meet a full disk and closed doors.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
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
using pipeline::CopyStep;
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

// A mount of a few pages of memory; not usable without root.
class SmallDisk {
  public:
    explicit SmallDisk(const std::string& path, const char* options = "size=1m") : path_(path) {
        make_folder(path_);
        mounted_ = ::mount("none", path_.c_str(), "tmpfs", 0, options) == 0;
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk() {
        if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
    }
    bool mounted() const { return mounted_; }

  private:
    std::string path_;
    bool mounted_ = false;
};

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
    const Outcome second = copy_file(from / "f", to / "f", 65536, true);
    REQUIRE(second.sender_failures.size() == 1);
    CHECK(second.sender_failures[0].errno_value == EBUSY);
    const Outcome first = pump(sender, receiver, 10'000);
    REQUIRE(first.done());
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
    const std::string whole = describe(from.path());
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
    REQUIRE(::chmod((to / "t").c_str(), 0700) == 0);
    set_time(to / "t", 5, 5);
    set_time(from.path(), 5, 5);
    for (const auto& name : hidden_names(to / "t"))
        CHECK_FALSE(name.ends_with(".part"));
    CHECK(read_file(to / "t/large") == read_file(from / "large"));
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

TEST_CASE("a full disk ends the transfer at once with path and errno on both sides") {
    const Folder place;
    const SmallDisk disk(place / "disk");
    if (!disk.mounted()) SKIP("needs root to mount a small tmpfs");
    make_folder(place / "from");
    write_file(place / "from/large", noise(4'000'000, 1));
    write_file(place / "from/z", "z");
    for (const bool resume : {false, true}) {
        const auto start = std::chrono::steady_clock::now();
        const Outcome outcome = copy_tree(place / "from", place / "disk/t", 65536, false, resume);
        CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
        CHECK(outcome.sent == CopySender::State::failed);
        CHECK(outcome.received == CopyReceiver::State::failed);
        REQUIRE(outcome.sender_failures.size() == 1);
        CHECK(outcome.sender_failures[0].message() ==
              "cannot write 'large': No space left on device");
        REQUIRE(outcome.receiver_failures.size() == 1);
        CHECK(outcome.receiver_failures[0].errno_value == ENOSPC);
        CHECK_FALSE(std::filesystem::exists(place / "disk/t/large"));
    }
    REQUIRE(::mount("none", (place / "disk").c_str(), "tmpfs", MS_REMOUNT, "size=16m") == 0);
    REQUIRE(copy_tree(place / "from", place / "disk/t", 65536, false, true).done());
    CHECK(read_file(place / "disk/t/large") == read_file(place / "from/large"));
}

TEST_CASE("entries that cannot be read or written are named and the others go on") {
    if (::geteuid() != 0) SKIP("needs root to become another user");
    const Folder from;
    const Folder to;
    write_file(from / "a", "a");
    write_file(from / "closed", "closed", 0);
    make_folder(from / "closed folder", 0);
    make_folder(from / "d");
    write_file(from / "d/x", noise(500'000, 1));
    make_folder(from / "d/sub");
    write_file(from / "z", "z");
    make_folder(to / "d", 0555);
    make_folder(to / "z");
    REQUIRE(::chmod(from.path().c_str(), 0755) == 0);
    REQUIRE(::chown(to.path().c_str(), 65534, 65534) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(9);
        const Outcome outcome = copy_tree(from.path(), to.path(), 4096);
        int wrong = outcome.done() ? 0 : 1;
        const auto named = [&](const auto& list, const char* path, int errno_value) {
            for (const auto& failure : list) {
                if (failure.path == path && failure.errno_value == errno_value) return;
            }
            ++wrong;
        };
        named(outcome.sender_failures, "closed", EACCES);
        named(outcome.sender_failures, "closed folder", EACCES);
        named(outcome.sender_failures, "d/x", EACCES);
        named(outcome.sender_failures, "d/sub", EACCES);
        named(outcome.sender_failures, "z", EISDIR);
        named(outcome.receiver_failures, "closed", EACCES);
        named(outcome.receiver_failures, "z", EISDIR);
        ::_exit(wrong);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(read_file(to / "a") == "a");
    CHECK(std::filesystem::is_directory(to / "z"));
    CHECK_FALSE(std::filesystem::exists(to / "d/x"));
}

TEST_CASE("a folder in place of a file and a file in place of a folder are errors by name") {
    const Folder from;
    const Folder to;
    make_folder(from / "d");
    write_file(from / "d/in", "in");
    write_file(from / "f", "f");
    make_link("x", from / "l");
    write_file(to / "d", "stays");
    make_folder(to / "f");
    make_folder(to / "l");
    write_file(to / "f/stays", "stays");
    const Outcome outcome = copy_tree(from.path(), to.path(), 100);
    REQUIRE(outcome.done());
    CHECK(outcome.result.failures == 3);
    REQUIRE(outcome.sender_failures.size() == 3);
    CHECK(outcome.sender_failures[0].message() == "cannot make folder 'd': Not a directory");
    CHECK(outcome.sender_failures[1].message() == "cannot create 'f': Is a directory");
    CHECK(read_file(to / "d") == "stays");
    CHECK(read_file(to / "f/stays") == "stays");
    CHECK(hidden_names(to.path()).empty());
}

TEST_CASE("devices, pipes and sockets are never replaced") {
    const Folder from;
    const Folder to;
    write_file(from / "f", "f");
    make_link("x", from / "l");
    REQUIRE(::mkfifo((to / "f").c_str(), 0600) == 0);
    REQUIRE(::mkfifo((to / "l").c_str(), 0600) == 0);
    const Outcome outcome = copy_tree(from.path(), to.path());
    REQUIRE(outcome.done());
    CHECK(outcome.sender_failures.size() == 2);
    make_link("f", to / "through");
    for (const char* name : {"f", "through"}) {
        const Outcome single = copy_file(from / "f", to / name);
        REQUIRE(single.sender_failures.size() == 1);
        CHECK(single.sender_failures[0].errno_value == ENOTSUP);
    }
    CHECK(std::filesystem::is_fifo(to / "f"));
    CHECK(std::filesystem::is_fifo(to / "l"));
    CHECK(std::filesystem::is_symlink(to / "through"));
}

TEST_CASE("without overwrite what is there stays") {
    const Folder from;
    const Folder to;
    write_file(from / "a", "new");
    write_file(from / "b", "new");
    make_link("new", from / "l");
    write_file(to / "a", "old");
    make_link("old", to / "l");
    const Jail jail = Jail::everywhere();
    auto options = receiving();
    options.overwrite = false;
    CopySender sender(source(from.path()), sending());
    CopyReceiver receiver(target(jail, to.path(), CopyStyle::contents), options);
    const Outcome outcome = pump(sender, receiver, 65536);
    REQUIRE(outcome.done());
    CHECK(outcome.result.failures == 2);
    CHECK(read_file(to / "a") == "old");
    CHECK(read_file(to / "b") == "new");
    CHECK(std::filesystem::read_symlink(to / "l") == "old");
}

TEST_CASE("the receiver's caps end a transfer") {
    const Folder from;
    const Jail jail = Jail::everywhere();
    write_file(from / "a", noise(60'000, 1));
    write_file(from / "b", noise(60'000, 1));
    write_file(from / "c", "");
    for (const bool bytes : {true, false}) {
        const Folder to;
        auto options = receiving();
        if (bytes) options.maximum_bytes = 100'000;
        if (!bytes) options.maximum_entries = 3;
        CopySender sender(source(from.path()), sending());
        CopyReceiver receiver(target(jail, to / "t", CopyStyle::contents), options);
        const Outcome outcome = pump(sender, receiver, 65536);
        CHECK(outcome.received == CopyReceiver::State::failed);
        REQUIRE(outcome.sender_failures.size() == 1);
        CHECK(outcome.sender_failures[0].operation == CopyStep::limit);
        CHECK(outcome.sender_failures[0].path == (bytes ? "b" : "c"));
    }
}

TEST_CASE("few descriptors are enough") {
    const Folder from;
    const Folder to;
    for (int folder = 0; folder < 60; ++folder) {
        make_folder(from / std::to_string(folder));
        for (int file = 0; file < 10; ++file) {
            write_file(from / (std::to_string(folder) + "/" + std::to_string(file)), "x");
        }
    }
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const rlimit limit{64, 64};
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::_exit(9);
        const Outcome outcome = copy_tree(from.path(), to / "t");
        ::_exit(outcome.done() && outcome.result.failures == 0 ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(describe(to / "t") == describe(from.path()));
}
