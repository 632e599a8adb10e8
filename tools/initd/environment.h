// Variables for services: files of KEY=VALUE lines, and what a program is started with. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accounts.h"
#include "base/result.h"
#include "settings.h"

namespace initd {

// One KEY=VALUE per line; blank lines and lines that begin with '#' are skipped, a value may stand
// in single or double quotes, nothing is expanded. Errors read "FILE:LINE:1: message".
base::Result<Environment> parse_environment_file(std::string_view text, const std::string& file);

// PATH and the account's HOME, USER and LOGNAME, then initd.yaml's env, then env_file, then env:
// the later wins. As "KEY=VALUE" in the order of the keys.
std::vector<std::string> compose_environment(const Account& account, const Environment& common,
                                             const Environment& from_file, const Environment& own);

// The lines of the legacy /cmd and /env of AWS's builder, without their newlines.
std::vector<std::string> legacy_lines(std::string_view text);

// The service that /cmd and /env stand for; an empty command means there is none.
ServiceSettings legacy_service(std::string_view command, std::string_view environment);

}  // namespace initd
