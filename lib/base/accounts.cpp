// Field by field after passwd(5) and group(5).
#include "base/accounts.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace base {

namespace {

constexpr std::uint64_t kLargestId = 0xFFFF'FFFE;

std::optional<unsigned> parse_id(std::string_view text) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    const auto number = parse_number(text, 0, kLargestId);
    if (!number.ok()) return std::nullopt;
    return static_cast<unsigned>(number.value());
}

// Calls `visit(fields)` for each line with at least `least` fields until it returns true.
template <typename Visit>
void each_entry(std::string_view file, std::size_t least, Visit&& visit) {
    for (const std::string_view line : split(file, '\n')) {
        if (line.empty() || line[0] == '#') continue;
        const std::vector<std::string_view> fields = split(line, ':');
        if (fields.size() >= least && visit(fields)) return;
    }
}

Error unknown(std::string_view what, std::string_view name, std::string_view file) {
    return Error(ExitCode::config, fmt::format("{} {} is not in {}", what, quote(name), file));
}

Result<gid_t> resolve_group(const std::string& name, std::string_view group_file) {
    std::optional<unsigned> found;
    each_entry(group_file, 3, [&](const std::vector<std::string_view>& fields) {
        if (fields[0] == name) found = parse_id(fields[2]);
        return found.has_value();
    });
    if (!found) found = parse_id(name);
    if (!found) return unknown("group", name, "/etc/group");
    return static_cast<gid_t>(*found);
}

std::vector<gid_t> groups_of(std::string_view user, std::string_view group_file) {
    std::vector<gid_t> groups;
    each_entry(group_file, 4, [&](const std::vector<std::string_view>& fields) {
        const std::vector<std::string_view> members = split(fields[3], ',');
        const std::optional<unsigned> id = parse_id(fields[2]);
        if (id && std::find(members.begin(), members.end(), user) != members.end()) {
            groups.push_back(*id);
        }
        return false;
    });
    return groups;
}

}  // namespace

Result<Account> resolve_account(const AccountWish& wish, std::string_view passwd,
                                std::string_view group) {
    Account account;
    const std::string wanted = wish.user.empty() ? "root" : wish.user;
    const std::optional<unsigned> number = parse_id(wanted);
    bool found = false;
    each_entry(passwd, 6, [&](const std::vector<std::string_view>& fields) {
        const std::optional<unsigned> user = parse_id(fields[2]);
        const std::optional<unsigned> primary = parse_id(fields[3]);
        if (!user || !primary || (fields[0] != wanted && number != user)) return false;
        account.user = *user;
        account.group = *primary;
        account.name = fields[0];
        account.home = fields[5];
        if (fields.size() > 6) account.shell = fields[6];
        found = true;
        return true;
    });
    if (!found && number) {
        account.user = *number;
        account.group = *number;
        if (wish.group.empty() && *number != 0 && !wish.group_by_number) {
            return Error(
                ExitCode::config,
                fmt::format("user {} is not in /etc/passwd, so 'group' must be given", wanted));
        }
    } else if (!found && wanted != "root") {
        return unknown("user", wanted, "/etc/passwd");
    }
    if (!wish.group.empty()) account.group = TRY(resolve_group(wish.group, group));
    if (wish.groups) {
        for (const std::string& name : *wish.groups) {
            account.groups.push_back(TRY(resolve_group(name, group)));
        }
    } else if (!wish.user.empty() && !account.name.empty()) {
        account.groups = groups_of(account.name, group);
    }
    return account;
}

}  // namespace base
