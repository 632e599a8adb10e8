// Writing, reading and chaining lines.
#include "audit_line.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "codec/json.h"
#include "crypto/digest.h"

namespace pipeline {

namespace {

using base::Result;
namespace json = codec::json;

constexpr std::string_view kHashKey = ",\"hash\":\"";
constexpr std::size_t kHashDigits = 64;
constexpr std::string_view kLog = "log";
constexpr std::string_view kBegun = "begun";
constexpr std::string_view kTorn = "torn";

Result<ChainHash> sha256(std::span<const std::byte> first, std::string_view second) {
    crypto::Digest digest = TRY(crypto::Digest::create(crypto::HashAlgorithm::sha256));
    TRY(digest.update(first));
    TRY(digest.update(base::as_bytes(second)));
    const std::vector<std::byte> bytes = TRY(digest.finish());
    ChainHash hash;
    std::copy_n(bytes.begin(), hash.size(), hash.begin());
    return hash;
}

json::Value to_json(const AuditEntry& entry) {
    const auto number = [](std::uint64_t value) {
        return json::Value(static_cast<std::int64_t>(value));
    };
    const auto text = [](const std::string& value) {
        return json::Value(base::escape(value, kMaxAuditArgument));
    };
    json::Value line;
    line.set("number", number(entry.number));
    line.set("time", json::Value(format_instant(entry.time)));
    line.set("session", number(entry.session));
    line.set("key", text(entry.identity.key));
    line.set("comment", text(entry.identity.comment));
    line.set("peer", text(entry.identity.peer));
    line.set("operation", text(entry.event.operation));
    line.set("argument", text(entry.event.argument));
    line.set("outcome", text(entry.event.outcome));
    line.set("bytes", number(entry.event.bytes));
    line.set("duration_ms", number(static_cast<std::uint64_t>(entry.event.duration.count())));
    return line;
}

// Where the hashed part ends; npos when the line has no hash at its end.
std::size_t hashed_length(std::string_view line) {
    const std::size_t tail = kHashKey.size() + kHashDigits + 2;
    if (line.size() <= tail || !line.ends_with("\"}")) return std::string_view::npos;
    const std::size_t length = line.size() - tail;
    return line.substr(length).starts_with(kHashKey) ? length : std::string_view::npos;
}

bool is_log_line(const AuditEntry& entry, std::string_view outcome) {
    return entry.event.operation == kLog && entry.event.outcome == outcome && entry.session == 0;
}

// The state of a walk down a file.
struct Walk {
    AuditCheck check;
    std::string_view unread;  // a line that is none, maybe told of by the next
    std::size_t unread_line = 0;

    // What is wrong with the line, or "".
    Result<std::string> take(std::size_t number, std::string_view line);
};

Result<std::string> Walk::take(std::size_t number, std::string_view line) {
    const auto shown = read_audit_line(line);
    if (!shown) {
        if (unread_line != 0) return std::string("not a line of the log");
        unread = line;
        unread_line = number;
        return std::string();
    }
    const AuditEntry& entry = shown->entry;
    const bool first = check.entries == 0;
    if (first != is_log_line(entry, kBegun)) {
        return std::string(first ? "the log does not begin here" : "the log begins again");
    }
    if (first) {
        const auto before = base::from_hex(entry.event.argument);
        if (!before.ok() || before.value().size() != check.last.size()) {
            return std::string("it does not say what it continues");
        }
        std::copy(before.value().begin(), before.value().end(), check.last.begin());
    } else if (entry.number != check.last_number + 1) {
        return fmt::format("number {} follows number {}", entry.number, check.last_number);
    }
    if (unread_line != 0) {
        const AuditEvent told = TRY(torn_event(unread));
        if (!is_log_line(entry, kTorn) || entry.event.argument != told.argument) {
            return std::string("the line before is none, and this does not tell of it");
        }
        check.torn.push_back(unread_line);
        unread_line = 0;
    } else if (is_log_line(entry, kTorn)) {
        return std::string("it tells of a cut line that is not there");
    }
    const ChainHash hash = TRY(sha256(check.last, line.substr(0, hashed_length(line))));
    if (base::to_hex(hash) != shown->hash) return std::string("the hash does not fit");
    check.last = hash;
    check.last_number = entry.number;
    ++check.entries;
    return std::string();
}

}  // namespace

Result<std::string> audit_line(const AuditEntry& entry, ChainHash& hash) {
    std::string line = json::write(to_json(entry));
    line.pop_back();
    hash = TRY(sha256(hash, line));
    return fmt::format("{}{}{}\"}}", line, kHashKey, base::to_hex(hash));
}

Result<AuditEvent> torn_event(std::string_view cut_line) {
    const ChainHash digest = TRY(sha256({}, cut_line));
    AuditEvent event;
    event.operation = kLog;
    event.argument = fmt::format("{} bytes, sha256 {}", cut_line.size(), base::to_hex(digest));
    event.outcome = kTorn;
    return event;
}

AuditEvent begin_event(const ChainHash& before) {
    AuditEvent event;
    event.operation = kLog;
    event.argument = base::to_hex(before);
    event.outcome = kBegun;
    return event;
}

std::optional<AuditShown> read_audit_line(std::string_view line) {
    const std::size_t hashed = hashed_length(line);
    if (hashed == std::string_view::npos) return std::nullopt;
    const auto value = json::parse(line, {.maximum_bytes = 64 * 1024, .maximum_depth = 2});
    if (!value.ok() || value->as_object() == nullptr) return std::nullopt;
    bool good = true;
    const auto text = [&](std::string_view key) {
        const json::Value* member = value->find(key);
        const auto found = member == nullptr ? std::nullopt : member->as_text();
        good = good && found.has_value();
        return std::string(found.value_or(""));
    };
    const auto number = [&](std::string_view key) {
        const json::Value* member = value->find(key);
        const auto found = member == nullptr ? std::nullopt : member->as_integer();
        good = good && found && *found >= 0;
        return static_cast<std::uint64_t>(good ? *found : 0);
    };
    AuditShown shown;
    AuditEntry& entry = shown.entry;
    entry.number = number("number");
    const std::string time = text("time");
    entry.session = number("session");
    entry.identity = {text("key"), text("comment"), text("peer")};
    entry.event = {text("operation"), text("argument"), text("outcome"), number("bytes"),
                   std::chrono::milliseconds(number("duration_ms"))};
    shown.hash = text("hash");
    // 2027-01-31T00:00:00.000Z without its thousandths is what is read elsewhere.
    const auto seconds = time.size() == 24 ? parse_instant(time.substr(0, 19) + "Z") : std::nullopt;
    const auto thousandths = base::parse_number(seconds ? time.substr(20, 3) : "", 0, 999);
    if (!good || !seconds || !thousandths.ok()) return std::nullopt;
    entry.time = *seconds + std::chrono::milliseconds(thousandths.value());
    return shown;
}

Result<AuditCheck> verify_audit(std::string_view text) {
    Walk walk;
    std::size_t number = 0;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        ++number;
        if (end == std::string_view::npos) {
            walk.check.bad = {number, "cut off"};
            break;
        }
        std::string reason = TRY(walk.take(number, line));
        if (!reason.empty()) {
            walk.check.bad = {number, std::move(reason)};
            break;
        }
        text.remove_prefix(end + 1);
    }
    if (walk.unread_line != 0) {
        walk.check.bad = {walk.unread_line, "not a line of the log"};
    }
    return walk.check;
}

}  // namespace pipeline
