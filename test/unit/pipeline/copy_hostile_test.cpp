// Hostile folders and peers around both engines: things that are swapped during the transfer, links
// in the way, and answers that nobody may give.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <thread>

#include "copy_support.h"

using namespace copy_test;  // a test's own helpers
using pipeline::CopyReceiver;
using pipeline::CopySender;
using pipeline::CopyStyle;
using pipeline::Jail;
namespace copy = proto::copy;

namespace {

// From here on the process has a kernel without openat2.
bool forbid_openat2() {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{4, program};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace

TEST_CASE("the partial file of a resume is never a link to elsewhere") {
    for (const bool hard : {false, true}) {
        const Scene scene;
        const Folder from;
        write_file(from / "f", noise(100'000, 4));
        const std::string partial = scene.box() + "/" + pipeline::partial_name("f");
        if (hard) {
            std::filesystem::create_hard_link(scene.place / "outside/secret", partial);
        } else {
            make_link("../outside/secret", partial);
        }
        const std::string before = describe(scene.place / "outside");
        const Outcome outcome = copy_file(from / "f", scene.box() + "/f", 65536, true);
        REQUIRE(outcome.done());
        CHECK(read_file(scene.box() + "/f") == read_file(from / "f"));
        CHECK(read_file(scene.place / "outside/secret") == "secret");
        CHECK(describe(scene.place / "outside").size() >= before.size() - 1);
    }
}

TEST_CASE("a folder that is swapped for a link during the transfer leads nowhere") {
    const Scene scene;
    const Folder from;
    make_folder(from / "d");
    for (int file = 0; file < 300; ++file) {
        write_file(from / ("d/" + std::to_string(file)), noise(100, 1));
        make_folder(from / ("d/e" + std::to_string(file)));
        write_file(from / ("d/e" + std::to_string(file) + "/secret"), "evil");
    }
    std::atomic<bool> over = false;
    const std::string box = scene.box();
    std::thread swapper([&] {
        while (!over) {
            for (const char* name : {"/t/d", "/t/d/e7", "/t/d/e42", "/t"}) {
                const std::string path = box + name;
                const std::string aside = box + "/aside";
                if (::rename(path.c_str(), aside.c_str()) != 0) continue;
                if (::symlink((scene.place / "outside").c_str(), path.c_str()) != 0) continue;
                std::this_thread::yield();
                ::unlink(path.c_str());
                ::rename(aside.c_str(), path.c_str());
            }
        }
    });
    for (int round = 0; round < 20; ++round) {
        const auto jail = Jail::below(box);
        CopySender sender(source(from.path()), sending(true));
        CopyReceiver receiver(target(jail.value(), "/t", CopyStyle::contents), receiving(true));
        pump(sender, receiver, 4096);
    }
    over = true;
    swapper.join();
    CHECK(scene.untouched());
}

TEST_CASE("the walk without openat2 follows no link and no dots") {
    const Scene scene;
    make_folder(scene.box() + "/a");
    write_file(scene.box() + "/a/f", "f");
    make_link("../outside", scene.box() + "/out");
    make_link("f", scene.box() + "/a/l");
    const base::Fd box(::open(scene.box().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto walks = [&](const std::string& path) {
        const base::Fd fd(pipeline::walk_below(box.get(), path, O_RDONLY));
        return fd.valid();
    };
    const auto opens = [&](const std::string& path) {
        const base::Fd fd(pipeline::open_below(box.get(), path, O_RDONLY));
        return fd.valid();
    };
    CHECK(walks("a/f"));
    CHECK(walks("a"));
    for (const char* path : {"out/secret", "a/l", "../outside/secret", "a/../../outside/secret",
                             "a/f/x", "missing", "a/.."}) {
        INFO(path);
        CHECK_FALSE(walks(path));
        if (std::string_view(path) != "a/..") CHECK_FALSE(opens(path));
    }
    CHECK_FALSE(opens("/etc/passwd"));
}

TEST_CASE("on a kernel without openat2 a tree arrives and a jail holds") {
    const Scene scene;
    const Folder from;
    make_folder(from / "d");
    make_folder(from / "out");
    write_file(from / "d/f", noise(100'000, 1));
    write_file(from / "out/secret", "evil");
    make_link("d/f", from / "l");
    std::filesystem::create_hard_link(from / "d/f", from / "h");
    make_link("../outside", scene.box() + "/out");
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (!forbid_openat2()) ::_exit(77);
        const auto jail = Jail::below(scene.box());
        int wrong = jail.ok() ? 0 : 1;
        CopySender sender(source(from.path()), sending());
        CopyReceiver receiver(target(jail.value(), "/", CopyStyle::contents), receiving());
        const Outcome outcome = pump(sender, receiver, 4096);
        wrong += !outcome.done() || outcome.sender_failures.size() != 1 ||
                 outcome.sender_failures[0].path != "out";
        for (const char* path : {"../outside/secret", "out/secret", "/../outside", "out"}) {
            wrong += pipeline::open_source(jail.value(), path, true).ok();
        }
        wrong += !pipeline::open_source(jail.value(), "/d/f", true).ok();
        ::_exit(wrong);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) SKIP("no seccomp filters here");
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(scene.untouched());
    CHECK(read_file(scene.box() + "/d/f") == read_file(from / "d/f"));
    CHECK(std::filesystem::hard_link_count(scene.box() + "/h") == 2);
}

TEST_CASE("a sender's jail shows nothing outside") {
    const Scene scene;
    make_link("../outside", scene.box() + "/out");
    make_link(scene.place / "outside/secret", scene.box() + "/absolute");
    make_link("/proc/self/root/etc/passwd", scene.box() + "/magic");
    const auto jail = Jail::below(scene.box());
    REQUIRE(jail.ok());
    for (const char* path : {"../outside/secret", "/../outside", "out/secret", "absolute", "magic",
                             "/proc/self/root", "/etc/passwd"}) {
        INFO(path);
        CHECK_FALSE(pipeline::open_source(jail.value(), path, true).ok());
    }
    // Links within a tree are sent as links.
    const Folder to;
    auto top = pipeline::open_source(jail.value(), "/", true);
    REQUIRE(top.ok());
    const Jail everywhere = Jail::everywhere();
    CopySender sender(std::move(top).value(), sending());
    CopyReceiver receiver(target(everywhere, to / "t", CopyStyle::contents), receiving());
    REQUIRE(pump(sender, receiver, 65536).done());
    CHECK(std::filesystem::is_symlink(to / "t/out"));
    CHECK(describe(to / "t").find("secret") != std::string::npos);
    CHECK(describe(to / "t").find("same as") == std::string::npos);
}

TEST_CASE("a sender takes nothing from a file that is swapped for a link or a pipe") {
    const Scene scene;
    std::atomic<bool> over = false;
    const std::string name = scene.box() + "/f";
    const Folder results;
    std::thread swapper([&] {
        while (!over) {
            for (int kind = 0; kind < 3; ++kind) {
                const std::string fresh = scene.place / "fresh";
                if (kind == 0) std::filesystem::create_symlink("../outside/secret", fresh);
                if (kind == 1) ::mkfifo(fresh.c_str(), 0600);
                if (kind == 2) ::close(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
                ::rename(fresh.c_str(), name.c_str());
            }
        }
    });
    for (int round = 0; round < 300; ++round) {
        const std::string to = results / std::to_string(round);
        copy_tree(scene.box(), to, 4096);
        std::error_code none;
        if (std::filesystem::is_regular_file(std::filesystem::symlink_status(to + "/f", none))) {
            CHECK(read_file(to + "/f").empty());
        }
    }
    over = true;
    swapper.join();
}

TEST_CASE("answers that nobody may give end the sender") {
    const Folder from;
    write_file(from / "f", "f");
    const auto says = [&](const copy::Record& record, bool resume) {
        CopySender sender(source(from / "f"), sending(false, resume));
        std::vector<std::byte> buffer(65536);
        sender.fill(buffer);
        std::vector<std::byte> answer;
        copy::encode(record, answer);
        sender.take_answers(answer);
        return sender.fill(buffer).state;
    };
    CHECK(says(copy::Have{0, 0, {}}, false) == CopySender::State::failed);
    CHECK(says(copy::Have{1, 0, {}}, true) == CopySender::State::failed);
    CHECK(says(copy::Skip{0}, false) == CopySender::State::failed);
    CHECK(says(copy::Done{}, true) == CopySender::State::failed);
    CHECK(says(copy::Done{}, false) == CopySender::State::failed);
    CHECK(says(copy::Leave{}, false) == CopySender::State::failed);
    CHECK(says(copy::Stop{28, copy::Operation::write, "f"}, false) == CopySender::State::failed);
    CHECK(says(copy::Skip{0}, true) == CopySender::State::waiting_answer);
    CHECK(says(copy::Have{0, UINT32_MAX, {}}, true) == CopySender::State::waiting_answer);
}
