// The audit log: its datagrams, its lines, its chain, and its file after crashes and attacks.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>

#include "audit_log.h"
#include "base/file.h"
#include "base/text.h"
#include "codec/json.h"
#include "crypto/digest.h"
#include "folder.h"

using namespace pipeline;
using std::chrono::milliseconds;

namespace {

AuditEvent event_of(const std::string& argument) {
    return {"run", argument, "exit 0", 12, milliseconds(34)};
}

AuditEntry entry_of(const std::string& argument) {
    AuditEntry entry;
    entry.time = *parse_instant("2026-11-20T12:00:00Z") + milliseconds(7);
    entry.session = 3;
    entry.identity = {"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", "alice",
                      "vsock:3:1027"};
    entry.event = event_of(argument);
    return entry;
}

const Instant kNow = *parse_instant("2026-11-20T11:00:00Z");

AuditLog::Opened open_or_fail(const std::string& path,
                              std::uint64_t maximum = AuditLog::kMaxBytes) {
    auto opened = AuditLog::open(path, kNow, maximum);
    if (!opened.ok()) FAIL(opened.error().message);
    return std::move(opened).value();
}

std::string text_of(const std::string& path) {
    return base::read_file(path, 1 << 24).value();
}

void write_text(const std::string& path, const std::string& text) {
    const base::Fd fd = base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600).value();
    REQUIRE(base::write_all(fd.get(), base::as_bytes(text), path).ok());
}

// A log with five entries of its own; the file has six lines.
std::string five_entries(const test::Folder& folder) {
    const std::string path = folder / "audit";
    auto opened = open_or_fail(path);
    for (const char* argument : {"a", "b", "c", "d", "e"}) {
        REQUIRE(opened.log.append(entry_of(argument)).ok());
    }
    return text_of(path);
}

AuditCheck check_of(std::string_view text) {
    return verify_audit(text).value();
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    for (const auto line : base::split(text, '\n')) {
        if (!line.empty()) lines.emplace_back(line);
    }
    return lines;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines)
        text += line + "\n";
    return text;
}

}  // namespace

TEST_CASE("an event survives its datagram") {
    const AuditEvent event = {"put", "/data/\xFFname\n", "refused by path", 1ULL << 40,
                              milliseconds(123456789)};
    CHECK(decode_audit(encode_audit(event)) == event);
    CHECK(decode_audit(encode_audit({})) == AuditEvent{});
}

TEST_CASE("what is too long for a datagram is cut, and it still fits") {
    const std::string longest(100'000, 'x');
    const auto datagram = encode_audit({longest, longest, longest, ~0ULL, milliseconds::max()});
    CHECK(datagram.size() <= kMaxAuditDatagram);
    const auto event = decode_audit(datagram);
    REQUIRE(event);
    CHECK(event->argument.size() == kMaxAuditArgument);
    CHECK(event->operation.size() == kMaxAuditText);
    CHECK(event->bytes == 1ULL << 53);
    CHECK(decode_audit(encode_audit({"a", "b", "c", 1, milliseconds(-5)}))->duration.count() == 0);
}

TEST_CASE("a datagram that is cut, longer or odd is bad, never a part") {
    const auto good = encode_audit(event_of("ls"));
    for (std::size_t size = 0; size < good.size(); ++size) {
        CHECK_FALSE(decode_audit(std::span(good).first(size)).has_value());
    }
    auto longer = good;
    longer.push_back(std::byte{0});
    CHECK_FALSE(decode_audit(longer).has_value());
    CHECK_FALSE(decode_audit(std::vector<std::byte>(kMaxAuditDatagram + 1)).has_value());
}

TEST_CASE("a line is JSON that says what happened, and is read back") {
    ChainHash hash{};
    AuditEntry entry = entry_of("echo \"hi\"");
    entry.number = 5;
    const std::string line = audit_line(entry, hash).value();
    const auto value = codec::json::parse(line);
    REQUIRE(value.ok());
    CHECK(value->find("time")->as_text() == "2026-11-20T12:00:00.007Z");
    CHECK(value->find("argument")->as_text() == "echo \"hi\"");
    CHECK(value->find("hash")->as_text() == base::to_hex(hash));
    const auto shown = read_audit_line(line);
    REQUIRE(shown);
    CHECK(shown->entry.number == 5);
    CHECK(shown->entry.time == entry.time);
    CHECK(shown->entry.identity == entry.identity);
    CHECK(shown->entry.event == entry.event);
}

TEST_CASE("the hash is what any other program computes") {
    ChainHash hash{};
    const std::string line = audit_line(entry_of("x"), hash).value();
    const std::string content = std::string(32, '\0') + line.substr(0, line.find(",\"hash\""));
    const auto expected = crypto::hash(crypto::HashAlgorithm::sha256, base::as_bytes(content));
    CHECK(base::to_hex(expected.value()) == base::to_hex(hash));
}

TEST_CASE("nothing a peer says makes a second line or steers a terminal") {
    ChainHash hash{};
    AuditEntry entry = entry_of("a\n{\"number\":9}\r\x1B[2J\xC2\x9B\xFF\\\",\"hash\":\"");
    entry.identity.comment = "\",\"operation\":\"nothing\n";
    const std::string line = audit_line(entry, hash).value();
    for (const char character : line) {
        CHECK(static_cast<unsigned char>(character) >= 0x20);
    }
    const auto shown = read_audit_line(line);
    REQUIRE(shown);
    CHECK(shown->entry.event.operation == "run");
    CHECK(shown->entry.event.argument.starts_with("a\\x0a{\"number\":9}\\x0d\\x1b[2J\\xc2"));
}

TEST_CASE("a whole log is good") {
    const test::Folder folder;
    const AuditCheck check = check_of(five_entries(folder));
    CHECK_FALSE(check.bad.has_value());
    CHECK(check.entries == 6);
    CHECK(check.last_number == 6);
    CHECK(check.torn.empty());
    CHECK_FALSE(check_of("").bad.has_value());
}

TEST_CASE("every change of a single byte is found, at its line") {
    const test::Folder folder;
    const std::string text = five_entries(folder);
    std::size_t line = 1;
    for (std::size_t index = 0; index < text.size(); ++index) {
        std::string changed = text;
        changed[index] = static_cast<char>(changed[index] ^ 1);
        const AuditCheck check = check_of(changed);
        INFO("byte " << index << " of line " << line);
        // The first line says itself what is before it: a change there is a change of the hash.
        REQUIRE(check.bad.has_value());
        CHECK(check.bad->line <= line + 1);
        CHECK(check.bad->line >= line);
        if (text[index] == '\n') ++line;
    }
}

TEST_CASE("lines that are removed, swapped, doubled or added are found") {
    const test::Folder folder;
    const std::vector<std::string> lines = lines_of(five_entries(folder));
    const auto bad_line = [](const std::vector<std::string>& changed) {
        const AuditCheck check = check_of(joined(changed));
        return check.bad ? check.bad->line : 0;
    };
    CHECK(bad_line(lines) == 0);
    for (std::size_t index = 0; index + 1 < lines.size(); ++index) {
        auto removed = lines;
        removed.erase(removed.begin() + static_cast<std::ptrdiff_t>(index));
        CHECK(bad_line(removed) == index + 1);
        auto doubled = lines;
        doubled.insert(doubled.begin() + static_cast<std::ptrdiff_t>(index), lines[index]);
        CHECK(bad_line(doubled) == index + 2);
        auto swapped = lines;
        std::swap(swapped[index], swapped[index + 1]);
        CHECK(bad_line(swapped) == index + 1);
    }
    auto added = lines;
    ChainHash hash{};
    AuditEntry forged = entry_of("rm -rf /");
    forged.number = 7;
    added.push_back(audit_line(forged, hash).value());
    CHECK(bad_line(added) == 7);
    added = lines;
    added.insert(added.begin() + 2, "");
    CHECK(bad_line(added) == 3);
    added = lines;
    added.push_back("garbage");
    CHECK(bad_line(added) == 7);
    CHECK(check_of(joined(lines) + "gar").bad->reason == "cut off");
}

TEST_CASE("a log goes on where the last process left it") {
    const test::Folder folder;
    const std::string before = five_entries(folder);
    const std::string path = folder / "audit";
    {
        auto opened = open_or_fail(path);
        CHECK_FALSE(opened.torn);
        REQUIRE(opened.log.append(entry_of("f")).ok());
    }
    const std::string text = text_of(path);
    CHECK(text.starts_with(before));
    const AuditCheck check = check_of(text);
    CHECK_FALSE(check.bad.has_value());
    CHECK(check.last_number == 7);
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("one process writes a log") {
    const test::Folder folder;
    const auto opened = open_or_fail(folder / "audit");
    const auto second = AuditLog::open(folder / "audit", kNow);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().code == base::ExitCode::temporary);
}

TEST_CASE("a line that was cut off stays, is told of, and the log goes on") {
    const test::Folder folder;
    const std::string path = folder / "audit";
    const std::string text = five_entries(folder);
    const std::string last = lines_of(text).back();
    for (std::size_t missing = 2; missing < last.size(); missing += 41) {
        const std::string cut = text.substr(0, text.size() - missing);
        write_text(path, cut);
        CHECK(check_of(cut).bad->line == 6);
        {
            auto opened = open_or_fail(path);
            CHECK(opened.torn);
            REQUIRE(opened.log.append(entry_of("after")).ok());
        }
        const std::string now = text_of(path);
        CHECK(now.starts_with(cut + "\n"));
        const AuditCheck check = check_of(now);
        CHECK_FALSE(check.bad.has_value());
        CHECK(check.torn == std::vector<std::size_t>{6});
        CHECK(check.entries == 7);
        // The cut line cannot be changed afterwards either.
        std::string changed = now;
        changed[cut.size() - 1] = static_cast<char>(changed[cut.size() - 1] ^ 1);
        CHECK(check_of(changed).bad.has_value());
        auto without = lines_of(now);
        without.erase(without.begin() + 5);
        CHECK(check_of(joined(without)).bad->line == 6);
    }
}

TEST_CASE("a log that cannot be continued is left alone") {
    const test::Folder folder;
    const std::string path = folder / "audit";
    for (const std::string text : {"garbage\n", "half", "\n", "{}\n{}\n"}) {
        write_text(path, text);
        const auto opened = AuditLog::open(path, kNow);
        REQUIRE_FALSE(opened.ok());
        CHECK(opened.error().code == base::ExitCode::data);
        CHECK(text_of(path) == text);
    }
    REQUIRE(::unlink(path.c_str()) == 0);
    REQUIRE(::symlink("/tmp/elsewhere", path.c_str()) == 0);
    CHECK_FALSE(AuditLog::open(path, kNow).ok());
    CHECK_FALSE(AuditLog::open(folder / "none/audit", kNow).ok());
}

TEST_CASE("a full log makes room, and its chain goes on in the next file") {
    const test::Folder folder;
    const std::string path = folder / "audit";
    auto opened = open_or_fail(path, 2000);
    for (int count = 0; count < 20; ++count)
        REQUIRE(opened.log.append(entry_of(std::string(100, 'x'))).ok());
    const AuditCheck older = check_of(text_of(path + ".1"));
    const AuditCheck newer = check_of(text_of(path));
    CHECK_FALSE(older.bad.has_value());
    CHECK_FALSE(newer.bad.has_value());
    const auto first = read_audit_line(lines_of(text_of(path))[0]);
    REQUIRE(first);
    CHECK(first->entry.event.argument == base::to_hex(older.last));
    CHECK(first->entry.number == older.last_number + 1);
    CHECK(text_of(path).size() < 3000);
}

TEST_CASE("a full disk is an error, and no half line stays") {
    const test::Folder folder;
    const std::string path = folder / "audit";
    auto opened = open_or_fail(path);
    REQUIRE(opened.log.append(entry_of("a")).ok());
    const std::string before = text_of(path);
    struct rlimit old {};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
    std::signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small { before.size() + 50, old.rlim_max };
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    const auto refused = opened.log.append(entry_of("b"));
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
    CHECK_FALSE(refused.ok());
    CHECK(text_of(path) == before);
    REQUIRE(opened.log.append(entry_of("c")).ok());
    CHECK_FALSE(check_of(text_of(path)).bad.has_value());
}

TEST_CASE("a table cannot steer a terminal, even that of a file that others wrote") {
    const test::Folder folder;
    ChainHash hash{};
    AuditEntry begin;
    begin.number = 1;
    begin.time = kNow;
    begin.event = begin_event(hash);
    const std::string first = audit_line(begin, hash).value();
    AuditEntry entry = entry_of("new\nline");
    entry.number = 2;
    entry.identity.comment = "";
    ChainHash ours = hash;
    const std::string second = audit_line(entry, ours).value();
    // JSON has a spelling of its own for control characters, and whoever forges can hash.
    std::string content = second.substr(0, second.find(",\"hash\""));
    content.replace(content.find("line\""), 4, "\\u001b[2J");
    const auto digest = crypto::hash(crypto::HashAlgorithm::sha256,
                                     base::as_bytes(std::string(base::as_text(hash)) + content));
    const std::string forged = content + ",\"hash\":\"" + base::to_hex(digest.value()) + "\"}";
    write_text(folder / "audit", first + "\n" + forged + "\n");
    const auto table = show_audit(folder / "audit");
    REQUIRE(table.ok());
    CHECK_FALSE(table->check.bad.has_value());
    CHECK(table->text.find("'new\\x0a\\x1b[2J'") != std::string::npos);
    CHECK(table->text.find("SHA256:47DEQ") != std::string::npos);
}

TEST_CASE("people see the log up to the line that is bad") {
    const test::Folder folder;
    std::vector<std::string> lines = lines_of(five_entries(folder));
    const auto whole = show_audit(folder / "audit");
    REQUIRE(whole.ok());
    CHECK(whole->text.find("2026-11-20T12:00:00.007Z     3  alice") != std::string::npos);
    CHECK(lines_of(whole->text).size() == 6);
    CHECK(audit_command(folder / "audit").value() == 0);
    lines[3][20] = '9';
    write_text(folder / "audit", joined(lines));
    const auto part = show_audit(folder / "audit");
    REQUIRE(part.ok());
    CHECK(part->check.bad->line == 4);
    CHECK(lines_of(part->text).size() == 3);
    const auto result = audit_command(folder / "audit");
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == base::ExitCode::no);
    CHECK(result.error().message.find("audit:4: ") != std::string::npos);
    CHECK_FALSE(audit_command(folder / "none").ok());
}

TEST_CASE("sample logs made by another program are good and bad as their names say") {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(VECTORS "/audit")) {
        INFO(entry.path());
        const auto check = verify_audit(text_of(entry.path()));
        CHECK(check->bad.has_value() == (entry.path().extension() == ".bad"));
        ++files;
    }
    CHECK(files >= 5);
    CHECK(decode_audit(base::as_bytes(text_of(VECTORS "/audit/datagram.bad")))->argument ==
          "id -u");
}
