// Trees, files and streams through both engines: what arrives is what was there.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "base/text.h"
#include "copy_support.h"
#include "crypto/digest.h"

using namespace copy_test;  // a test's own helpers
using pipeline::CopyReceiver;
using pipeline::CopySender;
using pipeline::CopyStyle;
using pipeline::Jail;

namespace {

// Names, modes, times, links, holes: everything that a tree can have without owners.
void make_odd_tree(const std::string& top) {
    make_folder(top + "/empty", 0700);
    make_folder(top + "/deep");
    make_folder(top + "/deep/er");
    write_file(top + "/deep/er/file", "content\n", 0600);
    write_file(top + "/deep/nothing", "", 0400);
    write_file(top + "/new\nline", "a");
    write_file(top + "/-dash", "b", 0755);
    write_file(top + "/not \xff\xfe utf8", "c");
    write_file(top + "/" + std::string(255, 'n'), "d");
    write_file(top + "/ space", "e");
    write_file(top + "/...", "f");
    make_link("deep/er/file", top + "/link");
    make_link("/etc/passwd", top + "/absolute");
    make_link("../../../nowhere", top + "/dangling");
    make_link(".", top + "/deep/self");
    std::filesystem::create_hard_link(top + "/deep/er/file", top + "/second name");
    std::filesystem::create_hard_link(top + "/deep/er/file", top + "/deep/third name");
    write_file(top + "/big", noise(300'001, 1));
    write_file(top + "/holes", "begin");
    REQUIRE(::truncate((top + "/holes").c_str(), 5'000'000) == 0);
    {
        const base::Fd fd(::open((top + "/holes").c_str(), O_WRONLY | O_CLOEXEC));
        REQUIRE(::pwrite(fd.get(), "middle", 6, 2'000'000) == 6);
    }
    make_folder(top + "/read-only");
    write_file(top + "/read-only/inside", "g", 0444);
    set_time(top + "/big", 1, 1);
    set_time(top + "/-dash", -1, 999'999'999);
    set_time(top + "/link", 1'000'000'000, 5);
    set_time(top + "/holes", 4'102'444'800, 123'456'789);
    REQUIRE(::chmod((top + "/read-only").c_str(), 0555) == 0);
    set_time(top + "/read-only", 77, 7);
    set_time(top + "/deep/er", 78, 8);
    set_time(top + "/deep", 79, 9);
    set_time(top + "/empty", 80, 10);
    set_time(top, 81, 11);
}

}  // namespace

TEST_CASE("a tree with every oddity arrives equal, in pieces of any size") {
    const Folder from;
    make_odd_tree(from.path());
    for (const std::size_t piece : {1U, 7U, 4095U, 65536U}) {
        const Folder to;
        INFO(piece);
        const Outcome outcome = copy_tree(from.path(), to / "new", piece);
        for (const auto& failure : outcome.receiver_failures)
            UNSCOPED_INFO(failure.message());
        REQUIRE(outcome.done());
        CHECK(outcome.sender_failures.empty());
        CHECK(outcome.receiver_failures.empty());
        CHECK(describe(to / "new") == describe(from.path()));
        CHECK(allocated_bytes(to / "new/holes") < 1'000'000);
        CHECK(hidden_names(to.path()).empty());
        CHECK(outcome.result.entries == 22);
    }
}

TEST_CASE("a second copy over the first replaces files and links and leaves the rest") {
    const Folder from;
    const Folder to;
    make_odd_tree(from.path());
    REQUIRE(copy_tree(from.path(), to.path()).done());
    write_file(to / "own", "stays");
    write_file(from / "big", "changed");
    REQUIRE(::unlink((from / "link").c_str()) == 0);
    make_link("elsewhere", from / "link");
    const Outcome outcome = copy_tree(from.path(), to.path());
    REQUIRE(outcome.done());
    CHECK(outcome.receiver_failures.empty());
    CHECK(read_file(to / "own") == "stays");
    REQUIRE(::unlink((to / "own").c_str()) == 0);
    CHECK(describe(to.path(), false) == describe(from.path(), false));
    CHECK(hidden_names(to.path()).empty());
}

TEST_CASE("the attributes of a top folder that was there stay its own") {
    const Folder from;
    const Folder to;
    write_file(from / "a", "a");
    REQUIRE(::chmod(from.path().c_str(), 0711) == 0);
    REQUIRE(::chmod(to.path().c_str(), 0750) == 0);
    REQUIRE(copy_tree(from.path(), to.path()).done());
    struct stat status {};
    REQUIRE(::stat(to.path().c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0750);
}

TEST_CASE("cp into a folder that is there takes the source's name, into nothing the new one") {
    const Folder from;
    const Folder to;
    make_folder(from / "tree");
    write_file(from / "tree/f", "f");
    const Jail jail = Jail::everywhere();
    const auto cp = [&](const std::string& what, const std::string& where) {
        CopySender sender(source(what), sending());
        CopyReceiver receiver(target(jail, where, CopyStyle::into, pipeline::source_name(what)),
                              receiving());
        const Outcome outcome = pump(sender, receiver, 65536);
        return outcome.done() && outcome.result.failures == 0;
    };
    CHECK(cp(from / "tree", to.path()));
    CHECK(read_file(to / "tree/f") == "f");
    CHECK(cp(from / "tree", to / "new"));
    CHECK(read_file(to / "new/f") == "f");
    CHECK(cp(from / "tree/.", to / "new"));
    CHECK_FALSE(std::filesystem::exists(to / "new/tree"));
    CHECK(cp(from / "tree/f", to.path()));
    CHECK(read_file(to / "f") == "f");
    CHECK(cp(from / "tree/f", to / "other"));
    CHECK(read_file(to / "other") == "f");
    CHECK_FALSE(cp(from / "tree/f", to / "missing/other"));
    CHECK_FALSE(cp(from / "tree/f", to / "missing/"));
    CHECK_FALSE(cp(from / "tree", to / "other"));
    CHECK_FALSE(std::filesystem::exists(to / "missing"));
}

TEST_CASE("ten thousand small files arrive equal") {
    const Folder from;
    const Folder to;
    for (int folder = 0; folder < 100; ++folder) {
        const std::string name = from / std::to_string(folder);
        make_folder(name);
        for (int file = 0; file < 100; ++file) {
            write_file(name + "/" + std::to_string(file),
                       noise(static_cast<std::size_t>(file) * 37, static_cast<unsigned>(folder)));
        }
    }
    const Outcome outcome = copy_tree(from.path(), to / "t");
    REQUIRE(outcome.done());
    CHECK(outcome.result.entries == 10'101);
    CHECK(describe(to / "t") == describe(from.path()));
}

TEST_CASE("a hole of eight GiB takes no room and its zeros are hashed") {
    const Folder from;
    const Folder to;
    write_file(from / "sparse", "x");
    REQUIRE(::truncate((from / "sparse").c_str(), 8LL << 30) == 0);
    const base::Fd fd(::open((from / "sparse").c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(::pwrite(fd.get(), "end", 3, (5LL << 30) + 7) == 3);
    const Outcome outcome = copy_file(from / "sparse", to / "sparse");
    REQUIRE(outcome.done());
    CHECK(outcome.result.bytes == 8ULL << 30);
    CHECK(allocated_bytes(to / "sparse") < 1 << 20);
    struct stat status {};
    REQUIRE(::stat((to / "sparse").c_str(), &status) == 0);
    CHECK(status.st_size == 8LL << 30);
    const base::Fd copy(::open((to / "sparse").c_str(), O_RDONLY | O_CLOEXEC));
    char bytes[3];
    REQUIRE(::pread(copy.get(), bytes, 3, (5LL << 30) + 7) == 3);
    CHECK(std::string_view(bytes, 3) == "end");
}

TEST_CASE("the digest of a file is its SHA-256, at both ends") {
    const Folder from;
    const Folder to;
    const std::string content = noise(200'000, 3);
    write_file(from / "f", content);
    const Jail jail = Jail::everywhere();
    CopySender sender(source(from / "f"), sending());
    CopyReceiver receiver(target(jail, to / "sub/f", CopyStyle::file), receiving());
    REQUIRE(pump(sender, receiver, 65536).done());
    const auto expected =
        base::to_hex(crypto::hash(crypto::HashAlgorithm::sha256, base::as_bytes(content)).value());
    REQUIRE(sender.digest().has_value());
    REQUIRE(receiver.digest().has_value());
    CHECK(base::to_hex(*sender.digest()) == expected);
    CHECK(base::to_hex(*receiver.digest()) == expected);
    CHECK(read_file(to / "sub/f") == content);
    CHECK(sender.progress().file_bytes == content.size());
}

TEST_CASE("owner, extended attributes and the bits above 0777 come with archive only") {
    const Folder from;
    make_folder(from / "d");
    write_file(from / "f", "f");
    const bool xattrs = ::setxattr((from / "f").c_str(), "user.note", "n\0te", 4, 0) == 0 &&
                        ::setxattr((from / "d").c_str(), "user.empty", "", 0, 0) == 0;
    if (!xattrs || ::geteuid() != 0) SKIP("needs root and user.* attributes");
    REQUIRE(::chown((from / "f").c_str(), 12, 34) == 0);
    REQUIRE(::chmod((from / "f").c_str(), 06755) == 0);
    REQUIRE(::chmod((from / "d").c_str(), 01777) == 0);
    make_link("f", from / "l");
    REQUIRE(::lchown((from / "l").c_str(), 56, 78) == 0);
    const auto look = [](const std::string& path) {
        struct stat status {};
        REQUIRE(::lstat(path.c_str(), &status) == 0);
        return status;
    };
    const Folder plain;
    REQUIRE(copy_tree(from.path(), plain / "t").done());
    CHECK((look(plain / "t/f").st_mode & 07777) == 0755);
    CHECK((look(plain / "t/d").st_mode & 07777) == 0777);
    CHECK(look(plain / "t/f").st_uid == 0);
    char value[8];
    CHECK(::getxattr((plain / "t/f").c_str(), "user.note", value, sizeof value) < 0);

    const Folder archive;
    const Outcome outcome = copy_tree(from.path(), archive / "t", 7, true);
    REQUIRE(outcome.done());
    CHECK(outcome.receiver_failures.empty());
    CHECK(describe(archive / "t") == describe(from.path()));
    CHECK(look(archive / "t/f").st_uid == 12);
    CHECK(look(archive / "t/f").st_gid == 34);
    CHECK(look(archive / "t/l").st_gid == 78);
    REQUIRE(::getxattr((archive / "t/f").c_str(), "user.note", value, sizeof value) == 4);
    CHECK(std::string_view(value, 4) == std::string_view("n\0te", 4));
    CHECK(::getxattr((archive / "t/d").c_str(), "user.empty", value, sizeof value) == 0);
}

TEST_CASE("a stream of unknown length is a source, and a descriptor is a destination") {
    const std::string content = noise(500'000, 9);
    const Folder to;
    auto pipe = base::make_pipe(O_NONBLOCK).value();
    const Jail jail = Jail::everywhere();
    CopySender sender(pipeline::stream_source(std::move(pipe.read)), sending());
    CopyReceiver receiver(target(jail, to / "f", CopyStyle::file), receiving());
    std::size_t written = 0;
    const Outcome outcome = pump(sender, receiver, 4096, UINT64_MAX, [&](std::uint64_t) {
        if (written == content.size()) return pipe.write.reset();
        const ssize_t count = ::write(pipe.write.get(), content.data() + written,
                                      std::min<std::size_t>(3000, content.size() - written));
        if (count > 0) written += static_cast<std::size_t>(count);
    });
    REQUIRE(outcome.done());
    CHECK(read_file(to / "f") == content);
    struct stat status {};
    REQUIRE(::stat((to / "f").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0644);

    // And out again into a pipe that takes a little at a time, holes included.
    REQUIRE(::truncate((to / "f").c_str(), 700'000) == 0);
    auto out = base::make_pipe(O_NONBLOCK).value();
    CopySender again(source(to / "f"), sending());
    pipeline::CopyTarget sink;
    sink.sink = out.write.get();
    CopyReceiver into(sink, receiving());
    std::string got;
    std::vector<std::byte> buffer(65536);
    std::vector<std::byte> drained(10'000);
    auto state = CopySender::State::more;
    for (int turn = 0; turn < 100'000 && state != CopySender::State::done; ++turn) {
        const auto filled = again.fill(buffer);
        state = filled.state;
        std::span<const std::byte> rest = std::span(buffer).first(filled.bytes);
        do {
            const auto taken = into.take(rest);
            rest = rest.subspan(taken.bytes);
            const ssize_t count = ::read(out.read.get(), drained.data(), drained.size());
            if (count > 0) {
                got += base::as_text(std::span(drained).first(static_cast<std::size_t>(count)));
            }
        } while (!rest.empty());
        again.take_answers(into.answers());
        into.answered(into.answers().size());
    }
    while (true) {
        const ssize_t count = ::read(out.read.get(), drained.data(), drained.size());
        if (count <= 0) break;
        got += base::as_text(std::span(drained).first(static_cast<std::size_t>(count)));
    }
    REQUIRE(state == CopySender::State::done);
    CHECK(got == content + std::string(200'000, '\0'));
}

TEST_CASE("files that say size 0 and have content are copied by reading them") {
    const Folder to;
    const Outcome outcome = copy_file("/proc/version", to / "version");
    REQUIRE(outcome.done());
    CHECK(read_file(to / "version") == read_file("/proc/version"));
}

TEST_CASE("special files are refused by name and the others go on") {
    const Folder from;
    const Folder to;
    write_file(from / "a", "a");
    REQUIRE(::mkfifo((from / "pipe").c_str(), 0666) == 0);
    const base::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (from / "sock").copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    // Last by name; only root can make one.
    const bool device = ::mknod((from / "zero").c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0;
    write_file(from / "z", "z");
    const Outcome outcome = copy_tree(from.path(), to.path());
    REQUIRE(outcome.done());
    const std::size_t special = device ? 3 : 2;
    CHECK(outcome.result.failures == special);
    REQUIRE(outcome.sender_failures.size() == special);
    CHECK(outcome.sender_failures[0].path == "pipe");
    CHECK(outcome.sender_failures[0].message().starts_with("cannot copy the special file 'pipe'"));
    REQUIRE(outcome.receiver_failures.size() == special);
    CHECK(outcome.receiver_failures[1].path == "sock");
    CHECK(outcome.receiver_failures[1].at_peer);
    CHECK(read_file(to / "z") == "z");
    CHECK_FALSE(std::filesystem::exists(to / "pipe"));
    CHECK_FALSE(pipeline::open_source(Jail::everywhere(), from / "pipe", true).ok());
    CHECK_FALSE(pipeline::open_source(Jail::everywhere(), "/dev/null", true).ok());
}

TEST_CASE("a file that changes while it is read is a failure of that file") {
    for (const int change : {0, 1, 2}) {
        const Folder from;
        const Folder to;
        write_file(from / "a", noise(1'000'000, 1));
        write_file(from / "b", "b");
        set_time(from / "a", 100, 0);
        const Jail jail = Jail::everywhere();
        CopySender sender(source(from.path()), sending());
        CopyReceiver receiver(target(jail, to.path(), CopyStyle::contents), receiving());
        bool changed = false;
        const Outcome outcome = pump(sender, receiver, 65536, UINT64_MAX, [&](std::uint64_t sent) {
            if (sent < 200'000 || std::exchange(changed, true)) return;
            if (change == 0) REQUIRE(::truncate((from / "a").c_str(), 300'000) == 0);
            if (change == 1) REQUIRE(::truncate((from / "a").c_str(), 1'300'000) == 0);
            if (change == 2) set_time(from / "a", 101, 0);
        });
        INFO(change);
        REQUIRE(outcome.done());
        REQUIRE(outcome.sender_failures.size() == 1);
        CHECK(outcome.sender_failures[0].path == "a");
        CHECK(outcome.sender_failures[0].operation == proto::copy::Operation::follow);
        CHECK_FALSE(std::filesystem::exists(to / "a"));
        CHECK(read_file(to / "b") == "b");
        CHECK(hidden_names(to.path()).empty());
    }
}

TEST_CASE("the names of a large folder come once each and in bytewise order") {
    const Folder from;
    constexpr unsigned kNames = 5000;
    for (unsigned name = 0; name < kNames; ++name) {
        const unsigned scattered = name * 7919 % kNames;
        write_file(
            from / ("\xff\x7f~"[scattered % 3] + std::to_string(scattered) + std::string(200, '-')),
            "");
    }
    const base::Fd fd(::open(from.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    pipeline::FolderList list;
    REQUIRE_FALSE(list.read(fd.get()).has_value());
    pipeline::FolderList moved = std::move(list);
    std::string last;
    unsigned seen = 0;
    for (const char* name = moved.next(); name != nullptr; name = moved.next(), ++seen) {
        REQUIRE(last < name);
        last = name;
    }
    CHECK(seen == kNames);
}

TEST_CASE("a folder deeper than the limit is refused by name") {
    const Folder from;
    const Folder to;
    std::string path = from.path();
    for (std::size_t depth = 0; depth < proto::copy::kMaximumDepth + 5; ++depth) {
        path += "/d";
        make_folder(path);
    }
    const Outcome outcome = copy_tree(from.path(), to / "t");
    REQUIRE(outcome.done());
    REQUIRE(outcome.sender_failures.size() == 1);
    CHECK(outcome.sender_failures[0].errno_value == ENAMETOOLONG);
    CHECK(outcome.result.entries == proto::copy::kMaximumDepth + 1);
}
