// Rotated log files: every line in order, no file larger than asked for, no line lost unsaid.
#include "log_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"

using namespace initd;

namespace {

constexpr struct timespec kNow = {1'000'000'000, 5'000'000};

class Folder {
  public:
    Folder() {
        char path[] = "/tmp/log_file_test.XXXXXX";
        REQUIRE(::mkdtemp(path) != nullptr);
        path_ = path;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

std::string text_of(const std::string& path) {
    const auto text = base::read_file(path, 1024 * 1024);
    return text.ok() ? text.value() : "";
}

std::string lines(int from, int to) {
    std::string text;
    for (int number = from; number < to; ++number)
        text += "line " + std::to_string(number) + "\n";
    return text;
}

}  // namespace

TEST_CASE("a file is renamed before it grows too large, and the oldest goes") {
    const Folder folder;
    const std::string path = folder / "log";
    LogFile file({path, 1000, 3});
    for (int number = 0; number < 1000; number += 10)
        REQUIRE(file.write(lines(number, number + 10), kNow) == 0);
    CHECK_FALSE(std::filesystem::exists(path + ".3"));
    const std::string all = text_of(path + ".2") + text_of(path + ".1") + text_of(path);
    for (const char* suffix : {"", ".1", ".2"})
        CHECK(std::filesystem::file_size(path + suffix) <= 1000);
    // The last lines, without a gap, in order.
    const std::size_t first = std::stoul(all.substr(5));
    CHECK(first > 600);
    CHECK(all == lines(static_cast<int>(first), 1000));
}

TEST_CASE("a single file begins anew") {
    const Folder folder;
    LogFile file({folder / "log", 100, 1});
    for (int number = 0; number < 20; ++number)
        REQUIRE(file.write(lines(number, number + 1), kNow) == 0);
    CHECK(text_of(folder / "log") == lines(13, 20));
    CHECK(std::filesystem::file_size(folder / "log") <= 100);
    CHECK_FALSE(std::filesystem::exists(folder / "log.1"));
}

TEST_CASE("what is in the file already counts, and stays") {
    const Folder folder;
    REQUIRE(LogFile({folder / "log", 100, 2}).write("before\n", kNow) == 0);
    LogFile file({folder / "log", 100, 2});
    REQUIRE(file.write("after\n", kNow) == 0);
    CHECK(text_of(folder / "log") == "before\nafter\n");
    REQUIRE(file.write(std::string(99, 'x') + "\n", kNow) == 0);
    CHECK(text_of(folder / "log.1") == "before\nafter\n");
}

TEST_CASE("a file that somebody moved or removed is made again") {
    const Folder folder;
    LogFile file({folder / "log", 1000, 2});
    REQUIRE(file.write("one\n", kNow) == 0);
    std::filesystem::rename(folder / "log", folder / "moved");
    REQUIRE(file.write("two\n", kNow) == 0);
    std::filesystem::remove(folder / "log");
    REQUIRE(file.write("three\n", kNow) == 0);
    CHECK(text_of(folder / "moved") == "one\n");
    CHECK(text_of(folder / "log") == "three\n");
}

TEST_CASE("what could not be written is told of, to the line, once it can be again") {
    const Folder folder;
    const std::string path = folder / "sub/log";
    LogFile file({path, 1000, 2});
    CHECK(file.write("one\ntwo\n", kNow) == ENOENT);
    CHECK(file.write("three\n", kNow) == ENOENT);
    std::filesystem::create_directory(folder / "sub");
    REQUIRE(file.write("four\n", kNow) == 0);
    REQUIRE(file.write("five\n", kNow) == 0);
    CHECK(text_of(path) == "2001-09-09T01:46:40.005Z initd lost: 3 lines, 14 bytes\nfour\nfive\n");
}

TEST_CASE("a write that is cut short leaves no half line") {
    const Folder folder;
    struct rlimit old {};
    ::getrlimit(RLIMIT_FSIZE, &old);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small = {10, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    LogFile file({folder / "log", 1000, 2});
    const int first = file.write("whole\n", kNow);
    const int second = file.write("too long for it\n", kNow);
    ::setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
    CHECK(first == 0);
    CHECK(second == EFBIG);
    CHECK(text_of(folder / "log") == "whole\n");
    REQUIRE(file.write("again\n", kNow) == 0);
    CHECK(text_of(folder / "log") ==
          "whole\n2001-09-09T01:46:40.005Z initd lost: 1 lines, 16 bytes\nagain\n");
}

TEST_CASE("a link, a pipe or a folder in the file's place is refused") {
    const Folder folder;
    std::filesystem::create_symlink("/etc/hostname", folder / "link");
    CHECK(LogFile({folder / "link", 1000, 2}).write("x\n", kNow) == ELOOP);
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    CHECK(LogFile({folder / "pipe", 1000, 2}).write("x\n", kNow) != 0);
    std::filesystem::create_directory(folder / "folder");
    CHECK(LogFile({folder / "folder", 1000, 2}).write("x\n", kNow) == EISDIR);
}
