// Appending, continuing and showing.
#include "audit_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/main.h"
#include "base/text.h"

namespace pipeline {

namespace {

using base::Error;
using base::Result;

constexpr std::size_t kMaxShown = std::size_t{256} << 20;
constexpr std::size_t kTailBytes = std::size_t{64} * 1024;  // more than two lines can have

Result<std::uint64_t> size_of(int fd, const std::string& path) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return Error::system("read", path);
    return static_cast<std::uint64_t>(status.st_size);
}

Result<base::Fd> open_locked(const std::string& path) {
    base::Fd fd = TRY(base::open_file(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0600));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return Error::system("lock", path);
    return fd;
}

Result<std::string> read_tail(int fd, std::uint64_t size, const std::string& path) {
    std::string tail(std::min<std::uint64_t>(size, kTailBytes), '\0');
    const auto offset = static_cast<off_t>(size - tail.size());
    std::size_t filled = 0;
    while (filled < tail.size()) {
        const ssize_t count = ::pread(fd, tail.data() + filled, tail.size() - filled,
                                      offset + static_cast<off_t>(filled));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return Error::system("read", path);
        if (count == 0) break;
        filled += static_cast<std::size_t>(count);
    }
    tail.resize(filled);
    return tail;
}

// Texts were escaped when they were written, but the file may be anybody's: what could steer a
// terminal is escaped (again), and the escapes that are there stay as they are.
std::string harmless(std::string_view text) {
    std::string shown;
    for (const std::string_view part : base::split(text, '\\')) {
        if (part.data() != text.data()) shown += '\\';
        shown += base::escape(part, kMaxAuditArgument);
    }
    return shown;
}

Error broken(const std::string& path, std::string_view why) {
    return Error(base::ExitCode::data,
                 fmt::format("the audit log {} cannot be continued: {}", base::quote(path), why),
                 "look at it with pipeline audit, and move it away");
}

}  // namespace

Result<AuditLog::Opened> AuditLog::open(const std::string& path, Instant now,
                                        std::uint64_t maximum_bytes) {
    base::Fd fd = TRY(open_locked(path));
    const std::uint64_t size = TRY(size_of(fd.get(), path));
    AuditLog log(path, std::move(fd), maximum_bytes);
    bool torn = false;
    if (size == 0) {
        TRY(log.write_event(begin_event(log.hash_), now));
    } else {
        torn = TRY(log.continue_file(now));
    }
    return Opened{std::move(log), torn};
}

// Finds the last whole line; true when something was cut off behind it.
Result<bool> AuditLog::continue_file(Instant now) {
    const std::uint64_t size = TRY(size_of(fd_.get(), path_));
    const std::string tail = TRY(read_tail(fd_.get(), size, path_));
    const std::size_t whole = tail.rfind('\n');
    const std::string_view cut =
        std::string_view(tail).substr(whole == std::string::npos ? tail.size() : whole + 1);
    if (whole == std::string::npos) return broken(path_, "it has no whole line");
    const std::size_t before = whole == 0 ? std::string::npos : tail.rfind('\n', whole - 1);
    const std::size_t start = before == std::string::npos ? 0 : before + 1;
    const auto last = read_audit_line(std::string_view(tail).substr(start, whole - start));
    if (!last) return broken(path_, "its last line is none");
    const auto hash = base::from_hex(last->hash);
    if (!hash.ok() || hash.value().size() != hash_.size()) {
        return broken(path_, "its last line has no hash");
    }
    std::copy(hash.value().begin(), hash.value().end(), hash_.begin());
    number_ = last->entry.number;
    if (cut.empty()) return false;
    const AuditEvent event = TRY(torn_event(cut));
    // The end of the cut line, then what tells of it.
    TRY(base::write_all(fd_.get(), base::as_bytes("\n"), path_));
    TRY(write_event(event, now));
    return true;
}

Result<void> AuditLog::append(AuditEntry entry) {
    const std::uint64_t size = TRY(size_of(fd_.get(), path_));
    if (size > maximum_bytes_) TRY(start_anew(entry.time));
    return write_line(entry);
}

Result<void> AuditLog::write_event(AuditEvent event, Instant time) {
    AuditEntry entry;
    entry.time = time;
    entry.event = std::move(event);
    return write_line(entry);
}

Result<void> AuditLog::write_line(const AuditEntry& entry) {
    AuditEntry numbered = entry;
    numbered.number = number_ + 1;
    ChainHash hash = hash_;
    const std::string line = TRY(audit_line(numbered, hash)) + "\n";
    const std::uint64_t size = TRY(size_of(fd_.get(), path_));
    const Result<void> written = base::write_all(fd_.get(), base::as_bytes(line), path_);
    if (!written.ok()) {
        // Half a line of ours; where it cannot be taken back, the next process tells of it.
        if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
            return Error::system("take back half a line of", path_);
        }
        return written;
    }
    hash_ = hash;
    number_ = numbered.number;
    return {};
}

Result<void> AuditLog::start_anew(Instant now) {
    const std::string older = path_ + ".1";
    if (::rename(path_.c_str(), older.c_str()) != 0) return Error::system("rename", path_);
    fd_ = TRY(open_locked(path_));
    return write_event(begin_event(hash_), now);
}

Result<AuditTable> show_audit(const std::string& path) {
    const std::string text = TRY(base::read_file(path, kMaxShown));
    AuditTable table;
    table.check = TRY(verify_audit(text));
    std::size_t number = 0;
    for (const std::string_view line : base::split(text, '\n')) {
        ++number;
        if (line.empty() || (table.check.bad && number >= table.check.bad->line)) break;
        const auto shown = read_audit_line(line);
        if (!shown) continue;  // told of by the next line
        const AuditEntry& entry = shown->entry;
        const AuditIdentity& who = entry.identity;
        const std::string& name = who.comment.empty() ? who.key : who.comment;
        table.text += fmt::format(
            "{}  {:>4}  {:<12}  {:<8}  {:<16}  '{}'  {} bytes  {}\n", format_instant(entry.time),
            entry.session, name.empty() ? "-" : harmless(name), harmless(entry.event.operation),
            harmless(entry.event.outcome), harmless(entry.event.argument), entry.event.bytes,
            base::format_duration(entry.event.duration));
    }
    return table;
}

Result<int> audit_command(const std::string& path) {
    const AuditTable table = TRY(show_audit(path));
    TRY(base::print(table.text));
    for (const std::size_t line : table.check.torn) {
        base::log::warning("a line was cut off and told of", {{"line", line}});
    }
    if (!table.check.bad) return 0;
    return Error(base::ExitCode::no,
                 fmt::format("{}:{}: {}", path, table.check.bad->line, table.check.bad->reason),
                 fmt::format("{} lines before it are whole", table.check.entries));
}

}  // namespace pipeline
