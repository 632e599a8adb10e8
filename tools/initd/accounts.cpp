// What a service's settings wish of its account.
#include "accounts.h"

namespace initd {

base::Result<Account> resolve_account(const ServiceSettings& settings, std::string_view passwd,
                                      std::string_view group) {
    return base::resolve_account({settings.user, settings.group, settings.groups}, passwd, group);
}

}  // namespace initd
