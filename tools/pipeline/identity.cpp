// The steps of dropping privileges, and the variables that go with a user.
#include "identity.h"

#include <grp.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/format.h"
#include "base/program.h"
#include "base/text.h"

namespace pipeline {

namespace {

using base::Account;
using base::Error;
using base::Result;

constexpr std::size_t kMaxAccountsFile = std::size_t{1} << 20;
constexpr const char* kDefaultShell = "/bin/sh";

Result<std::string> read_if_there(const std::string& path) {
    auto text = base::read_file(path, kMaxAccountsFile);
    if (!text.ok() && text.error().errno_value == ENOENT) return std::string();
    return text;
}

bool is_now(const Account& account) {
    uid_t users[3];
    gid_t groups[3];
    if (::getresuid(&users[0], &users[1], &users[2]) != 0 ||
        ::getresgid(&groups[0], &groups[1], &groups[2]) != 0) {
        return false;
    }
    const auto is_user = [&](uid_t id) { return id == account.user; };
    const auto is_group = [&](gid_t id) { return id == account.group; };
    return std::all_of(users, users + 3, is_user) && std::all_of(groups, groups + 3, is_group);
}

}  // namespace

Result<Account> account_for(std::string_view user, std::string_view passwd,
                            std::string_view group) {
    base::AccountWish wish;
    const std::size_t colon = user.find(':');
    wish.user = user.substr(0, colon);
    if (colon != std::string_view::npos) wish.group = user.substr(colon + 1);
    wish.group_by_number = true;
    return base::resolve_account(wish, passwd, group);
}

Result<Account> system_account(std::string_view user) {
    const std::string passwd = TRY(read_if_there("/etc/passwd"));
    const std::string group = TRY(read_if_there("/etc/group"));
    return account_for(user, passwd, group);
}

Result<void> become_for_good(const Account& account) {
    // Who is no root cannot change groups, and has none to give up.
    if (::geteuid() != 0 && is_now(account)) return {};
    if (::setgroups(account.groups.size(), account.groups.data()) != 0 ||
        ::setresgid(account.group, account.group, account.group) != 0 ||
        ::setresuid(account.user, account.user, account.user) != 0) {
        return Error::system("become user", fmt::format("{}", account.user));
    }
    const bool way_back = account.user != 0 && (::setuid(0) == 0 || ::seteuid(0) == 0);
    if (way_back || !is_now(account)) {
        return Error(base::ExitCode::internal,
                     fmt::format("user {} could become root again", account.user));
    }
    return {};
}

std::vector<std::string> account_environment(const Account& account, std::string_view path,
                                             std::string_view terminal) {
    const std::string name = !account.name.empty() ? account.name : account.user == 0 ? "root" : "";
    std::vector<std::string> variables = {
        fmt::format("PATH={}", path.empty() ? base::kDefaultPath : path),
        fmt::format("HOME={}", account.home.empty() ? "/" : account.home),
        fmt::format("SHELL={}", login_shell(account).program)};
    if (!name.empty()) {
        variables.push_back("USER=" + name);
        variables.push_back("LOGNAME=" + name);
    }
    if (!terminal.empty()) variables.push_back(fmt::format("TERM={}", terminal));
    return variables;
}

bool is_terminal_name(std::string_view name) {
    constexpr std::string_view kFit =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._+";
    return !name.empty() && name.size() <= 64 && name[0] != '-' && name[0] != '.' &&
           name.find_first_not_of(kFit) == std::string_view::npos;
}

LoginShell login_shell(const Account& account) {
    LoginShell shell;
    shell.program = account.shell.empty() ? kDefaultShell : account.shell;
    shell.name = "-" + shell.program.substr(shell.program.rfind('/') + 1);
    return shell;
}

}  // namespace pipeline
