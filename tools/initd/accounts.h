// /etc/passwd and /etc/group, read by ourselves: a static program has no name service. Pure.
#pragma once

#include <sys/types.h>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "settings.h"

namespace initd {

struct Account {
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups;  // supplementary
    std::string name;           // "" when the number is in no file
    std::string home;

    friend bool operator==(const Account&, const Account&) = default;
};

// Resolves user, group and groups of a service against the two files' texts. Lines that cannot be
// read are skipped. Numbers need no entry. A name that is not there is an Error (config).
base::Result<Account> resolve_account(const ServiceSettings& settings, std::string_view passwd,
                                      std::string_view group);

}  // namespace initd
