// /etc/passwd and /etc/group, read by ourselves: a static program has no name service, and an
// enclave often not even the files. Pure.
#pragma once

#include <sys/types.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace base {

struct Account {
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups;  // supplementary
    std::string name;           // "" when the number is in no file
    std::string home;
    std::string shell;

    friend bool operator==(const Account&, const Account&) = default;
};

struct AccountWish {
    std::string user;   // name or number; "": root, without supplementary groups
    std::string group;  // "": that of the user's entry
    std::optional<std::vector<std::string>> groups;  // instead of those of the files
    // A number without an entry has the group of its own number when none is given; else that is
    // an error.
    bool group_by_number = false;
};

// Resolves the wish against the two files' texts. Lines that cannot be read are skipped. Numbers
// need no entry. A name that is not there is an Error (config).
Result<Account> resolve_account(const AccountWish& wish, std::string_view passwd,
                                std::string_view group);

}  // namespace base
