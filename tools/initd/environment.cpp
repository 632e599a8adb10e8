// KEY=VALUE in its three places.
#include "environment.h"

#include "base/format.h"
#include "base/program.h"
#include "base/text.h"

namespace initd {

base::Result<Environment> parse_environment_file(std::string_view text, const std::string& file) {
    Environment environment;
    std::size_t number = 0;
    for (std::string_view line : base::split(text, '\n')) {
        ++number;
        line = base::trim(line);
        if (line.empty() || line[0] == '#') continue;
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos || equals == 0) {
            return base::Error(base::ExitCode::config,
                               fmt::format("{}:{}:1: expected KEY=VALUE", file, number));
        }
        if (line.find('\0') != std::string_view::npos) {
            return base::Error(base::ExitCode::config,
                               fmt::format("{}:{}:1: text with a NUL byte", file, number));
        }
        std::string_view value = line.substr(equals + 1);
        if (value.size() >= 2 && (value[0] == '"' || value[0] == '\'') &&
            value.back() == value[0]) {
            value = value.substr(1, value.size() - 2);
        }
        environment[std::string(line.substr(0, equals))] = value;
    }
    return environment;
}

std::vector<std::string> compose_environment(const Account& account, const Environment& common,
                                             const Environment& from_file, const Environment& own) {
    Environment all;
    all["PATH"] = base::kDefaultPath;
    if (!account.home.empty()) all["HOME"] = account.home;
    if (!account.name.empty()) all["USER"] = all["LOGNAME"] = account.name;
    for (const Environment* layer : {&common, &from_file, &own}) {
        for (const auto& [key, value] : *layer)
            all[key] = value;
    }
    std::vector<std::string> composed;
    composed.reserve(all.size());
    for (const auto& [key, value] : all)
        composed.push_back(key + "=" + value);
    return composed;
}

std::vector<std::string> legacy_lines(std::string_view text) {
    std::vector<std::string> lines;
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.empty()) return lines;
    for (const std::string_view line : base::split(text, '\n')) {
        lines.emplace_back(line.substr(0, line.find('\0')));
    }
    return lines;
}

ServiceSettings legacy_service(std::string_view command, std::string_view environment) {
    ServiceSettings settings;
    settings.name = "cmd";
    settings.command = legacy_lines(command);
    settings.policy.restart = Restart::never;
    settings.critical = true;
    settings.no_new_privileges = false;  // what ran under the vendor's init keeps running
    for (const std::string& line : legacy_lines(environment)) {
        const std::size_t equals = line.find('=');
        if (equals == std::string::npos || equals == 0) continue;
        settings.environment[line.substr(0, equals)] = line.substr(equals + 1);
    }
    return settings;
}

}  // namespace initd
