// Whom a session becomes, and for good. The decision which user that is: decision.h.
#pragma once

#include <string>
#include <string_view>

#include "base/accounts.h"
#include "base/result.h"

namespace pipeline {

// The account of "NAME", "UID", "NAME:GROUP" or "UID:GROUP" with the groups of /etc/group; "" is
// root without others. A number needs no entry in a file; without a group it has that of its own
// number. Either text may be empty.
base::Result<base::Account> account_for(std::string_view user, std::string_view passwd,
                                        std::string_view group);

// The same with this system's files; those that are missing count as empty.
base::Result<base::Account> system_account(std::string_view user);

// This process is that user from here on, with no way back; that there is none is checked. Where
// it is already that user nothing happens.
base::Result<void> become_for_good(const base::Account& account);

// HOME, USER, LOGNAME and SHELL of the account, the PATH or, where it is empty, a usual one, and
// TERM when `terminal` is not empty.
std::vector<std::string> account_environment(const base::Account& account, std::string_view path,
                                             std::string_view terminal);

// Whether a peer's name of a terminal can be trusted as a value of TERM.
bool is_terminal_name(std::string_view name);

// The account's shell as a login shell: the program, and its name that says so ("-sh").
struct LoginShell {
    std::string program;
    std::string name;
};
LoginShell login_shell(const base::Account& account);

}  // namespace pipeline
