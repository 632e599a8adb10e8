// The account that a service runs as, from its settings and the texts of /etc/passwd and
// /etc/group. Pure; the files are read in base/accounts.h.
#pragma once

#include <string_view>

#include "base/accounts.h"
#include "base/result.h"
#include "settings.h"

namespace initd {

using base::Account;

// Errors (config) name what is in neither file.
base::Result<Account> resolve_account(const ServiceSettings& settings, std::string_view passwd,
                                      std::string_view group);

}  // namespace initd
