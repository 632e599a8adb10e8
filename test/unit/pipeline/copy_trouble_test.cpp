// What stands in the way of a transfer: a full disk, closed doors, other kinds of things in the
// place, caps and few descriptors. Each is said by name on both sides, and the rest goes on.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <filesystem>

#include "copy_support.h"
#include "copy_sync.h"

using namespace copy_test;  // a test's own helpers
using pipeline::CopyReceiver;
using pipeline::CopySender;
using pipeline::CopyStep;
using pipeline::CopyStyle;
using pipeline::Jail;

namespace {

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

TEST_CASE("an attribute without room is missed by name and the file is there") {
    const Folder place;
    const SmallDisk disk(place / "disk", "size=1m,nr_inodes=20");
    make_folder(place / "from");
    write_file(place / "from/f", "f");
    const std::string value(50'000, 'v');
    const bool attribute =
        ::setxattr((place / "from/f").c_str(), "user.big", value.data(), value.size(), 0) == 0;
    if (!disk.mounted() || !attribute) SKIP("needs root and user.* attributes in memory");
    const Outcome outcome = copy_tree(place / "from", place / "disk/t", 65536, true);
    REQUIRE(outcome.done());
    REQUIRE(outcome.sender_failures.size() == 1);
    CHECK(outcome.sender_failures[0].operation == CopyStep::set_xattr);
    CHECK(read_file(place / "disk/t/f") == "f");
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

TEST_CASE("a sink that is gone, and a tree for a sink, are refused on both sides") {
    const Folder from;
    write_file(from / "f", noise(500'000, 1));
    const auto handler = ::signal(SIGPIPE, SIG_IGN);
    auto pipe = base::make_pipe(O_NONBLOCK).value();
    pipe.read.reset();
    pipeline::CopyTarget sink;
    sink.sink = pipe.write.get();
    for (const bool tree : {false, true}) {
        CopySender sender(source(tree ? from.path() : from / "f"), sending());
        CopyReceiver receiver(sink, receiving());
        const Outcome outcome = pump(sender, receiver, 65536);
        REQUIRE(outcome.done());
        CHECK(outcome.result.failures == 1);
        CHECK(outcome.result.bytes < 200'000);
        REQUIRE(outcome.sender_failures.size() == 1);
        CHECK(outcome.sender_failures[0].errno_value == (tree ? EISDIR : EPIPE));
        CHECK_FALSE(receiver.digest().has_value());
    }
    ::signal(SIGPIPE, handler);
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

TEST_CASE("files are synced together and each failure is its file's") {
    // On a disk where there is one, so that threads are worth it.
    std::string path = "/tmp/enclavebox-sync-XXXXXX";
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    std::vector<base::Fd> files;
    std::vector<pipeline::SyncJob> jobs;
    for (int file = 0; file < 64; ++file) {
        write_file(path + "/" + std::to_string(file), noise(5000, 1));
        files.emplace_back(
            ::open((path + "/" + std::to_string(file)).c_str(), O_RDONLY | O_CLOEXEC));
        jobs.push_back({file % 10 == 9 ? -1 : files.back().get(), -1});
    }
    pipeline::sync_files(jobs);
    for (std::size_t file = 0; file < jobs.size(); ++file) {
        CHECK(jobs[file].errno_value == (file % 10 == 9 ? EBADF : 0));
    }
    pipeline::sync_files({});
    std::filesystem::remove_all(path);
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
