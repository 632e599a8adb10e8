// Folders, trees and the pump.
#include "copy_support.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>

#include "base/fd.h"
#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "crypto/digest.h"

namespace copy_test {

using pipeline::CopyReceiver;
using pipeline::CopySender;

Folder::Folder() {
    const char* place = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : ::getenv("TMPDIR");
    path_ = std::string(place != nullptr ? place : "/tmp") + "/enclavebox-copy-XXXXXX";
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::string& path, const std::string& content, unsigned mode) {
    const base::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    REQUIRE(fd.valid());
    REQUIRE(base::write_all(fd.get(), base::as_bytes(content), path).ok());
    REQUIRE(::fchmod(fd.get(), mode) == 0);
}

std::string read_file(const std::string& path) {
    const auto text = base::read_file(path, 1 << 30);
    REQUIRE(text.ok());
    return text.value();
}

void make_folder(const std::string& path, unsigned mode) {
    REQUIRE(::mkdir(path.c_str(), mode) == 0);
    REQUIRE(::chmod(path.c_str(), mode) == 0);
}

void make_link(const std::string& link_target, const std::string& path) {
    REQUIRE(::symlink(link_target.c_str(), path.c_str()) == 0);
}

void set_time(const std::string& path, std::int64_t seconds, long nanoseconds) {
    const timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

std::string noise(std::size_t size, unsigned seed) {
    std::mt19937_64 engine(seed);
    std::string bytes(size, '\0');
    for (std::size_t at = 0; at < size; at += 8) {
        const std::uint64_t word = engine();
        std::copy_n(reinterpret_cast<const char*>(&word), std::min<std::size_t>(8, size - at),
                    bytes.begin() + static_cast<std::ptrdiff_t>(at));
    }
    return bytes;
}

namespace {

std::string file_digest(const std::string& path) {
    const base::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return "unreadable";
    auto digest = crypto::Digest::create(crypto::HashAlgorithm::sha256).value();
    std::vector<std::byte> buffer(1 << 18);
    while (true) {
        const auto count = base::read_full(fd.get(), buffer, path).value();
        REQUIRE(digest.update(std::span(buffer).first(count)).ok());
        if (count < buffer.size()) return base::to_hex(digest.finish().value());
    }
}

void describe_entry(const std::string& top, const std::string& path,
                    std::map<std::pair<dev_t, ino_t>, std::string>& first_names, std::string& out) {
    const std::string whole = path.empty() ? top : top + "/" + path;
    struct stat status {};
    REQUIRE(::lstat(whole.c_str(), &status) == 0);
    out += fmt::format("{} {:o} {}.{:09}", base::escape(path, 8192), status.st_mode,
                       status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    if (S_ISLNK(status.st_mode)) {
        out += " -> " + base::escape(std::filesystem::read_symlink(whole).string(), 8192) + "\n";
        return;
    }
    if (S_ISREG(status.st_mode)) {
        const auto known =
            first_names.try_emplace({status.st_dev, status.st_ino}, path).first->second;
        out += known != path ? " same as " + known
                             : fmt::format(" {} {}", status.st_size, file_digest(whole));
        out += "\n";
        return;
    }
    out += "\n";
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(whole)) {
        names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    for (const auto& name : names) {
        describe_entry(top, path.empty() ? name : path + "/" + name, first_names, out);
    }
}

}  // namespace

std::string describe(const std::string& folder, bool top) {
    std::map<std::pair<dev_t, ino_t>, std::string> first_names;
    std::string out;
    describe_entry(folder, "", first_names, out);
    return top ? out : out.substr(out.find('\n') + 1);
}

std::vector<std::string> hidden_names(const std::string& folder) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(".enclavebox-")) found.push_back(name);
    }
    return found;
}

std::uint64_t allocated_bytes(const std::string& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

pipeline::SendOptions sending(bool archive, bool resume) {
    pipeline::SendOptions options;
    options.archive = archive;
    options.resume = resume;
    return options;
}

pipeline::ReceiveOptions receiving(bool archive, bool resume) {
    pipeline::ReceiveOptions options;
    options.attributes.archive = archive;
    options.resume = resume;
    return options;
}

pipeline::CopyTarget target(const pipeline::Jail& jail, const std::string& path,
                            pipeline::CopyStyle style, const std::string& name) {
    return {&jail, style, path, name, -1};
}

pipeline::CopySource source(const std::string& path) {
    auto opened = pipeline::open_source(pipeline::Jail::everywhere(), path, true);
    INFO(path);
    REQUIRE(opened.ok());
    return std::move(opened).value();
}

Outcome pump(CopySender& sender, CopyReceiver& receiver, std::size_t piece,
             std::uint64_t stop_after, const std::function<void(std::uint64_t)>& at_bytes) {
    Outcome outcome;
    std::vector<std::byte> buffer(piece);
    std::uint64_t total = 0;
    unsigned idle = 0;
    outcome.received = CopyReceiver::State::more;
    while (total < stop_after && idle < 100'000) {
        const auto filled = sender.fill(buffer);
        outcome.sent = filled.state;
        total += filled.bytes;
        if (at_bytes) at_bytes(total);
        std::span<const std::byte> rest = std::span(buffer).first(filled.bytes);
        bool moved = !rest.empty();
        do {
            const auto taken = receiver.take(rest);
            outcome.received = taken.state;
            rest = rest.subspan(taken.bytes);
            moved = moved || taken.bytes > 0 || taken.state == CopyReceiver::State::again;
            const auto back = receiver.answers();
            for (std::size_t at = 0; at < back.size(); at += piece) {
                sender.take_answers(back.subspan(at, std::min(piece, back.size() - at)));
                moved = true;
            }
            receiver.answered(back.size());
        } while (outcome.received != CopyReceiver::State::failed &&
                 (!rest.empty() || outcome.received == CopyReceiver::State::again));
        const bool over = outcome.received == CopyReceiver::State::failed ||
                          outcome.received == CopyReceiver::State::done;
        if (over) outcome.sent = sender.fill(buffer).state;
        if (over || outcome.sent == CopySender::State::failed) break;
        idle = moved ? 0 : idle + 1;
    }
    CHECK(idle < 100'000);
    outcome.sender_failures = sender.failures().take();
    outcome.receiver_failures = receiver.failures().take();
    outcome.result = sender.result();
    return outcome;
}

Outcome copy_tree(const std::string& from, const std::string& to, std::size_t piece, bool archive,
                  bool resume) {
    const pipeline::Jail jail = pipeline::Jail::everywhere();
    CopySender sender(source(from), sending(archive, resume));
    CopyReceiver receiver(target(jail, to, pipeline::CopyStyle::contents),
                          receiving(archive, resume));
    return pump(sender, receiver, piece);
}

Outcome copy_file(const std::string& from, const std::string& to, std::size_t piece, bool resume) {
    const pipeline::Jail jail = pipeline::Jail::everywhere();
    CopySender sender(source(from), sending(false, resume));
    CopyReceiver receiver(target(jail, to, pipeline::CopyStyle::file), receiving(false, resume));
    return pump(sender, receiver, piece);
}

}  // namespace copy_test
