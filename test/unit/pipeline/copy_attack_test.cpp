// Raw records of a hostile sender against the receiver, and hostile folders against the sender:
// nothing outside changes or is read, whatever is tried.
#include <fcntl.h>
#include <sys/stat.h>
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
namespace copy = proto::copy;

namespace {

const copy::Time kTime{1'000, 0};

struct Records {
    std::vector<std::byte> bytes;
    std::vector<std::byte> digested;  // what the digest over the tree covers
    copy::End totals;

    Records& add(const copy::Record& record) {
        const std::size_t start = bytes.size();
        copy::encode(record, bytes);
        const copy::Kind kind = copy::kind_of(record);
        if (copy::in_tree_digest(kind)) {
            digested.insert(digested.end(), bytes.begin() + static_cast<std::ptrdiff_t>(start),
                            bytes.end());
        }
        totals.entries += kind == copy::Kind::root || kind == copy::Kind::folder ||
                          kind == copy::Kind::file || kind == copy::Kind::hard_link;
        return *this;
    }
    Records& end() {
        const auto digest = crypto::hash(crypto::HashAlgorithm::sha256, digested).value();
        std::copy(digest.begin(), digest.end(), totals.digest.begin());
        return add(totals);
    }
    Records& tree() { return add(copy::Begin{}).add(copy::Root{0755, kTime}); }
    Records& file(std::string_view name, std::string_view content = "evil") {
        copy::File record{0644, kTime, content.size(), name};
        add(record).add(copy::Data{content.size()});
        const auto raw = base::as_bytes(content);
        bytes.insert(bytes.end(), raw.begin(), raw.end());
        totals.bytes += raw.size();
        const auto digest = crypto::hash(crypto::HashAlgorithm::sha256, raw).value();
        copy::FileEnd file_end{content.size(), {}};
        std::copy(digest.begin(), digest.end(), file_end.digest.begin());
        return add(file_end);
    }
    Records& folder(std::string_view name) { return add(copy::Folder{0755, kTime, name}); }
    Records& leave() { return add(copy::Leave{}); }
};

struct Verdict {
    bool bad = false;  // the stream was broken off
    std::vector<pipeline::CopyFailure> failures;
};

// Feeds the records in one piece, and whatever happens, then ends.
Verdict attack(const Scene& scene, const Records& records, const std::string& path = "/",
               CopyStyle style = CopyStyle::contents, bool archive = true, bool resume = false) {
    const auto jail = Jail::below(scene.box());
    REQUIRE(jail.ok());
    CopyReceiver receiver(target(jail.value(), path, style, "name"), receiving(archive, resume));
    std::span<const std::byte> rest = records.bytes;
    Verdict verdict;
    for (int turn = 0; turn < 1000; ++turn) {
        const auto taken = receiver.take(rest);
        rest = rest.subspan(taken.bytes);
        receiver.answered(receiver.answers().size());
        if (taken.state == CopyReceiver::State::failed) break;
        if (rest.empty() && taken.state != CopyReceiver::State::again) break;
    }
    verdict.bad = !receiver.bad_because().empty();
    verdict.failures = receiver.failures().take();
    return verdict;
}

// Replaces every occurrence of a name of the same length, to say what encode() would not.
Records forge(Records records, std::string_view from, std::string_view to) {
    REQUIRE(from.size() == to.size());
    std::string text(base::as_text(records.bytes));
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + 1)) {
        text.replace(at, from.size(), to);
    }
    const auto raw = base::as_bytes(text);
    records.bytes.assign(raw.begin(), raw.end());
    return records;
}

}  // namespace

TEST_CASE("names that are no names break the stream off") {
    const std::string nul("a\0b", 3);
    for (const std::string& name :
         {std::string(".."), std::string("."), std::string("../x"), std::string("/etc/x"),
          std::string("a/b"), std::string("a/../../outside/secret"), std::string("/"), nul,
          std::string("x/"), std::string("..\0", 3), std::string(256, 'n'), std::string(4000, 'n'),
          std::string()}) {
        const Scene scene;
        INFO(base::escape(name));
        const std::string as_file = describe(scene.box(), false);
        CHECK(attack(scene, Records().tree().file(name)).bad);
        CHECK(attack(scene, Records().tree().folder(name).file("secret")).bad);
        CHECK(attack(scene, Records().tree().add(copy::Link{kTime, "/etc", name})).bad);
        CHECK(attack(scene, Records().tree().add(copy::HardLink{"a", name})).bad);
        CHECK(describe(scene.box(), false) == as_file);
        CHECK(scene.untouched());
    }
}

TEST_CASE("the sender's name of a single file is not taken at its word") {
    const Scene scene;
    Records records;
    records.add(copy::Begin{copy::kVersion, copy::Shape::file, false, false}).file("secret").end();
    CHECK_FALSE(attack(scene, records, "/here", CopyStyle::file).bad);
    CHECK(read_file(scene.box() + "/here") == "evil");
    CHECK_FALSE(std::filesystem::exists(scene.box() + "/secret"));
    Records forged = forge(records, "secret", "../out");
    CHECK(attack(scene, forged, "/there", CopyStyle::file).bad);
    CHECK(scene.untouched());
}

TEST_CASE("paths of the request end at the jail's top") {
    const Scene scene;
    Records records;
    records.add(copy::Begin{copy::kVersion, copy::Shape::file, false, false}).file("secret");
    for (const char* path :
         {"../outside/secret", "/../outside/secret", "../../../../outside/new"}) {
        attack(scene, records, path, CopyStyle::file);
        CHECK(scene.untouched());
    }
    make_link("../outside", scene.box() + "/out");
    make_link(scene.place / "outside", scene.box() + "/absolute");
    make_link("/proc/self/root", scene.box() + "/magic");
    make_link("/proc/self/cwd", scene.box() + "/magic2");
    for (const char* path :
         {"/out/secret", "/absolute/secret", "/magic/tmp/escaped", "/magic2/x"}) {
        attack(scene, records, path, CopyStyle::file);
        attack(scene, Records().tree().file("secret").leave().end(), path, CopyStyle::contents);
        CHECK(scene.untouched());
    }
    CHECK_FALSE(std::filesystem::exists("/tmp/escaped"));
}

TEST_CASE("links in the destination are not followed by entries") {
    const Scene scene;
    make_link(scene.place / "outside", scene.box() + "/d");
    make_link("../outside/secret", scene.box() + "/f");
    make_link("/proc/self/root", scene.box() + "/p");
    Verdict verdict =
        attack(scene, Records().tree().folder("d").file("secret").leave().leave().end());
    REQUIRE(verdict.failures.size() == 1);
    CHECK(verdict.failures[0].path == "d");
    CHECK(scene.untouched());
    verdict = attack(scene, Records().tree().folder("p").folder("tmp").file("evil-here").leave());
    CHECK(verdict.failures.size() == 1);
    CHECK_FALSE(std::filesystem::exists("/tmp/evil-here"));
    // A file takes the place of a link instead of going through it.
    Records whole;
    whole.tree().file("f").leave().end();
    CHECK(attack(scene, whole).failures.empty());
    CHECK(std::filesystem::is_regular_file(std::filesystem::symlink_status(scene.box() + "/f")));
    CHECK(read_file(scene.box() + "/f") == "evil");
    CHECK(scene.untouched());
}

TEST_CASE("a link that was just sent cannot be entered or written through") {
    const Scene scene;
    const copy::Link link{kTime, "../outside", "l"};
    CHECK(attack(scene, Records().tree().add(link).folder("l").file("secret")).bad);
    CHECK(attack(scene, Records().tree().add(link).file("l")).bad);
    CHECK(attack(scene, Records().tree().file("l").folder("l")).bad);
    CHECK(attack(scene, Records().tree().file("l").file("l")).bad);
    CHECK(attack(scene, Records().tree().folder("l").leave().add(link)).bad);
    CHECK(attack(scene, Records().tree().file("b").file("a")).bad);
    CHECK(scene.untouched());
}

TEST_CASE("hard links reach only files of the same transfer") {
    const Scene scene;
    write_file(scene.box() + "/old", "old");
    make_link("../outside/secret", scene.box() + "/out");
    make_link("../outside", scene.box() + "/outdir");
    std::filesystem::create_hard_link(scene.place / "outside/secret", scene.box() + "/was");
    scene.untouched();
    const std::string before = describe(scene.place / "outside");
    for (const char* path : {"../outside/secret", "/etc/passwd", "a//b", "./old", "old/.."}) {
        CHECK(attack(scene, Records().tree().add(copy::HardLink{path, "x"})).bad);
    }
    for (const char* path : {"old", "out", "outdir/secret", "was", "missing", "old/x"}) {
        INFO(path);
        Records records;
        records.tree().add(copy::HardLink{path, "x"}).leave().end();
        const Verdict verdict = attack(scene, records);
        CHECK_FALSE(verdict.bad);
        CHECK(verdict.failures.size() == 1);
        CHECK_FALSE(std::filesystem::exists(std::filesystem::symlink_status(scene.box() + "/x")));
    }
    CHECK(describe(scene.place / "outside") == before);
    CHECK(hidden_names(scene.box()).empty());
}

TEST_CASE("depth, sizes and records out of place break the stream off") {
    const Scene scene;
    Records deep;
    deep.tree();
    for (int depth = 0; depth < 10'000; ++depth)
        deep.folder("d");
    CHECK(attack(scene, deep).bad);

    const copy::File file{0644, kTime, 4, "f"};
    CHECK(attack(scene, Records().tree().add(file).add(copy::FileEnd{3, {}})).bad);
    CHECK(attack(scene, Records().tree().add(file).add(copy::Hole{5})).bad);
    CHECK(attack(scene, Records().tree().add(file).add(copy::Data{5})).bad);
    CHECK(attack(scene, Records().tree().add(file).folder("g")).bad);
    CHECK(attack(scene, Records().tree().add(file).add(copy::Leave{})).bad);
    CHECK(attack(scene, Records().tree().add(file).add(copy::From{1})).bad);
    CHECK(attack(scene, Records().tree().add(copy::Data{1})).bad);
    CHECK(attack(scene, Records().tree().add(copy::FileEnd{})).bad);
    CHECK(attack(scene, Records().tree().leave().leave()).bad);
    CHECK(attack(scene, Records().tree().leave().file("late")).bad);
    CHECK(attack(scene, Records().tree().leave().add(copy::End{})).bad);
    CHECK(attack(scene, Records().tree().add(copy::Begin{})).bad);
    CHECK(attack(scene, Records().tree().add(copy::Root{})).bad);
    CHECK(attack(scene, Records().tree().add(copy::Done{})).bad);
    CHECK(attack(scene, Records().add(copy::Root{})).bad);
    CHECK(attack(scene, Records().add(copy::Begin{}).file("x")).bad);
    CHECK(attack(scene, Records().add(copy::Begin{2, copy::Shape::tree, false, false})).bad);
    Records asking;
    asking.tree().add(copy::File{0644, kTime, 4, "f", true});
    CHECK(attack(scene, asking).bad);
    Records garbage;
    garbage.bytes.assign(100, std::byte{0x41});
    CHECK(attack(scene, garbage).bad);
    CHECK(hidden_names(scene.box()).empty());
    CHECK(scene.untouched());
}

TEST_CASE("a resumed file begins where it was offered and not beyond its size") {
    for (const std::uint64_t offset : {1U, 9U, 10U, 11U}) {
        const Scene scene;
        write_file(scene.box() + "/" + pipeline::partial_name("f"), "ten bytes!");
        Records records;
        records.add(copy::Begin{copy::kVersion, copy::Shape::tree, true, false});
        records.add(copy::Root{0755, kTime}).add(copy::File{0644, kTime, 9, "f", true});
        records.add(copy::From{offset});
        CHECK(attack(scene, records, "/", CopyStyle::contents, true, true).bad);
        CHECK_FALSE(std::filesystem::exists(scene.box() + "/f"));
    }
}

TEST_CASE("a wrong digest never gets a name") {
    const Scene scene;
    Records records;
    records.tree().add(copy::File{0644, kTime, 1, "f"}).add(copy::Hole{1});
    const Verdict verdict = attack(scene, records.add(copy::FileEnd{1, {}}).leave());
    REQUIRE(verdict.failures.size() == 1);
    CHECK(verdict.failures[0].operation == copy::Operation::compare);
    CHECK_FALSE(std::filesystem::exists(scene.box() + "/f"));
    CHECK(hidden_names(scene.box()).empty());
}

TEST_CASE("setuid bits do not come without archive") {
    const Scene scene;
    Records records;
    records.tree().add(copy::Folder{07777, kTime, "d"}).leave().leave().end();
    attack(scene, records, "/", CopyStyle::contents, false);
    struct stat status {};
    REQUIRE(::stat((scene.box() + "/d").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0777);
}

TEST_CASE("a sender that ignores its answers is not read for ever") {
    const Scene scene;
    make_folder(scene.box() + "/busy");
    Records records;
    records.tree();
    // Every entry is refused, as a folder stands in its place.
    for (int entry = 100'000; entry < 140'000; ++entry) {
        const std::string name = std::to_string(entry);
        records.add(copy::HardLink{"missing", name});
    }
    const auto jail = Jail::below(scene.box());
    CopyReceiver receiver(target(jail.value(), "/", CopyStyle::contents), receiving());
    std::span<const std::byte> rest = records.bytes;
    auto state = CopyReceiver::State::again;
    while (!rest.empty() && state != CopyReceiver::State::waiting_answers) {
        const auto taken = receiver.take(rest.first(std::min<std::size_t>(rest.size(), 4096)));
        rest = rest.subspan(taken.bytes);
        state = taken.state;
    }
    CHECK(state == CopyReceiver::State::waiting_answers);
    CHECK(receiver.answers().size() < 512 * 1024);
}

TEST_CASE("holes, few bytes and long work, leave others their turn") {
    const Scene scene;
    Records records;
    records.tree().add(copy::File{0644, kTime, 3 * copy::kMaximumHole, "f"});
    const std::size_t before = records.bytes.size();
    for (int hole = 0; hole < 3; ++hole) {
        records.add(copy::Hole{copy::kMaximumHole});
    }
    const std::size_t hole_bytes = (records.bytes.size() - before) / 3;
    const auto jail = Jail::below(scene.box());
    CopyReceiver receiver(target(jail.value(), "/", CopyStyle::contents), receiving());
    std::span<const std::byte> rest = records.bytes;
    REQUIRE(receiver.take(rest.first(before)).state == CopyReceiver::State::more);
    rest = rest.subspan(before);
    for (int hole = 0; hole < 3; ++hole) {
        const auto taken = receiver.take(rest);
        CHECK(taken.bytes == hole_bytes);
        CHECK(taken.state == CopyReceiver::State::again);
        rest = rest.subspan(taken.bytes);
    }
    CHECK(receiver.take(rest).state == CopyReceiver::State::more);
}
