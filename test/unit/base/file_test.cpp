// Whole reads, and outputs that appear complete or not at all.
#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>

#include "base/text.h"

using base::ExitCode;
using base::OutputFile;

namespace {

class Folder {
  public:
    Folder() {
        char name[] = "/tmp/base-test-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path_ = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path_); }

    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    std::ptrdiff_t entries() const {
        return std::distance(std::filesystem::directory_iterator(path_), {});
    }

  private:
    std::string path_;
};

void put(const std::string& path, std::string_view content) {
    auto file = OutputFile::create(path);
    REQUIRE(file.ok());
    REQUIRE(base::write_all(file.value().fd(), base::as_bytes(content), path).ok());
    REQUIRE(file.value().commit().ok());
}

std::string get(const std::string& path) {
    const auto content = base::read_file(path, 1 << 20);
    REQUIRE(content.ok());
    return content.value();
}

}  // namespace

TEST_CASE("a file is read whole up to its cap, and not beyond") {
    const Folder folder;
    const std::string large(200'000, 'x');
    put(folder / "a", large);
    CHECK(base::read_file(folder / "a", 200'000).value() == large);
    const auto refused = base::read_file(folder / "a", 199'999);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ExitCode::data);
    CHECK(base::read_file("/dev/zero", 1000).error().code == ExitCode::data);
    CHECK(base::read_file(folder / "none", 10).error().code == ExitCode::no_input);
    CHECK(base::read_file(folder / "", 10).error().code == ExitCode::no_input);
}

TEST_CASE("an output is seen only after commit, and nothing else is left") {
    const Folder folder;
    put(folder / "out", "old");
    auto file = OutputFile::create(folder / "out");
    REQUIRE(file.ok());
    REQUIRE(base::write_all(file.value().fd(), base::as_bytes("new"), "out").ok());
    CHECK(get(folder / "out") == "old");
    REQUIRE(file.value().commit().ok());
    CHECK(get(folder / "out") == "new");
    CHECK(folder.entries() == 1);
}

TEST_CASE("an output that is not committed leaves nothing") {
    const Folder folder;
    {
        auto file = OutputFile::create(folder / "out");
        REQUIRE(file.ok());
        REQUIRE(base::write_all(file.value().fd(), base::as_bytes("half"), "out").ok());
    }
    CHECK(folder.entries() == 0);
}

TEST_CASE("not even SIGKILL leaves half an output under the final name") {
    const Folder folder;
    const pid_t child = ::fork();
    if (child == 0) {
        auto file = OutputFile::create(folder / "out");
        if (file.ok()) (void)base::write_all(file.value().fd(), base::as_bytes("half"), "out");
        ::raise(SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    CHECK_FALSE(std::filesystem::exists(folder / "out"));
}

TEST_CASE("an output has the mode asked for, less the umask") {
    const Folder folder;
    const mode_t before = ::umask(027);
    auto file = OutputFile::create(folder / "out", 0666);
    ::umask(before);
    REQUIRE(file.ok());
    REQUIRE(file.value().commit().ok());
    struct stat status {};
    REQUIRE(::stat((folder / "out").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0640);
}

TEST_CASE("a write that hits a limit is an error, and the old file stands") {
    const Folder folder;
    put(folder / "out", "old");
    const pid_t child = ::fork();
    if (child == 0) {
        const struct rlimit limit { 1000, 1000 };
        ::signal(SIGXFSZ, SIG_IGN);
        ::setrlimit(RLIMIT_FSIZE, &limit);
        auto file = OutputFile::create(folder / "out");
        if (!file.ok()) ::_exit(1);
        const std::string content(5000, 'x');
        const auto written = base::write_all(file.value().fd(), base::as_bytes(content), "out");
        ::_exit(!written.ok() && written.error().code == ExitCode::io ? 0 : 2);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(get(folder / "out") == "old");
    CHECK(folder.entries() == 1);
}

TEST_CASE("a device or a pipe is written to, not replaced") {
    const Folder folder;
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    const base::Fd reader(::open((folder / "pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    put(folder / "pipe", "through");
    char buffer[16] = {};
    CHECK(::read(reader.get(), buffer, sizeof buffer) == 7);
    CHECK(std::string_view(buffer) == "through");
    CHECK(std::filesystem::is_fifo(folder / "pipe"));
    auto full = OutputFile::create("/dev/full");
    REQUIRE(full.ok());
    CHECK(base::write_all(full.value().fd(), base::as_bytes("x"), "full").error().code ==
          ExitCode::io);
}

TEST_CASE("a symbolic link stays, what it leads to is replaced") {
    const Folder folder;
    put(folder / "real", "old");
    REQUIRE(::symlink("real", (folder / "link").c_str()) == 0);
    put(folder / "link", "new");
    CHECK(std::filesystem::is_symlink(folder / "link"));
    CHECK(get(folder / "real") == "new");
}

TEST_CASE("an output cannot take the place of a folder or lie in a missing one") {
    const Folder folder;
    CHECK(OutputFile::create(folder / ".").error().errno_value == EISDIR);
    CHECK(OutputFile::create(folder / "no/out").error().code == ExitCode::no_input);
}
