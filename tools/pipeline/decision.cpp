// The rules in the order in which they are told: who and when, what, how.
#include "decision.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "environment.h"

namespace pipeline {

namespace {

using vsockio::Address;

Right right_for(Operation operation) {
    switch (operation) {
        case Operation::run:
        case Operation::jobs: return Right::run;
        case Operation::shell: return Right::shell;
        case Operation::put:
        case Operation::get: return Right::copy;
        case Operation::forward:
        case Operation::listen: return Right::forward;
        case Operation::control: return Right::control;
        case Operation::info: return Right::info;
    }
    return Right::control;
}

bool starts_program(Operation operation) {
    return operation == Operation::run || operation == Operation::shell;
}

std::optional<Refused> refuse_right(const AuthorizedKey& key, Operation operation) {
    if (!key.rights.has(right_for(operation))) {
        return Refused{"allow", fmt::format("this key may not do {}", operation_name(operation))};
    }
    // Whoever copies, forwards or controls does not need the command to get what it guards.
    const bool harmless =
        starts_program(operation) || operation == Operation::jobs || operation == Operation::info;
    if (key.command && !harmless) {
        return Refused{"command", fmt::format("this key has one command and may not do {}",
                                              operation_name(operation))};
    }
    return std::nullopt;
}

// What comes along with a command can turn it into another one.
std::optional<Refused> refuse_company(const AuthorizedKey& key, const Asked& asked) {
    if (key.command && !asked.environment.empty()) {
        return Refused{"command", "this key's command takes no variables"};
    }
    if (key.command && !asked.folder.empty()) {
        return Refused{"command", "this key's command takes no folder"};
    }
    const std::string why = problem_with_environment(asked.environment);
    if (!why.empty()) return Refused{"environment", why};
    return std::nullopt;
}

bool any_matches(const std::vector<AddressPattern>& patterns, const Address& address) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const AddressPattern& pattern) { return pattern.matches(address); });
}

// An address that nobody had to name in the key's line.
bool open_by_default(Operation operation, const Address& address) {
    if (address.kind != Address::Kind::tcp) return false;
    return operation == Operation::forward || address.host == "127.0.0.1" || address.host == "::1";
}

std::optional<Refused> refuse_address(const AuthorizedKey& key, const Asked& asked) {
    const bool opens = asked.operation == Operation::forward;
    const std::string option = opens ? "permit-open" : "permit-listen";
    if (!asked.address) return Refused{option, "no address was given"};
    const bool named = !key.may_open.empty() || !key.may_listen.empty();
    const bool allowed = named ? any_matches(opens ? key.may_open : key.may_listen, *asked.address)
                               : open_by_default(asked.operation, *asked.address);
    if (allowed) return std::nullopt;
    return Refused{option, fmt::format("this key may not {} {}", opens ? "connect to" : "listen on",
                                       base::escape(vsockio::to_string(*asked.address)))};
}

std::optional<Refused> refuse_operation(const AuthorizedKey& key, const Asked& asked) {
    if (auto refused = refuse_right(key, asked.operation)) return refused;
    if (!key.user.empty() && !asked.user.empty() && asked.user != key.user) {
        return Refused{"user", fmt::format("this key is user {}", base::quote(key.user))};
    }
    switch (asked.operation) {
        case Operation::run:
        case Operation::shell: return refuse_company(key, asked);
        case Operation::forward:
        case Operation::listen: return refuse_address(key, asked);
        default: return std::nullopt;
    }
}

void shorten(std::optional<std::chrono::milliseconds>& time, std::chrono::milliseconds to) {
    time = time ? std::min(*time, to) : to;
}

Granted grant(const AuthorizedKey& key, const Asked& asked, const Circumstances& circumstances) {
    Granted granted;
    granted.user = key.user.empty() ? asked.user : key.user;
    granted.time = asked.timeout;
    if (key.max_time) shorten(granted.time, *key.max_time);
    if (key.expires) shorten(granted.time, *key.expires - circumstances.now);
    granted.folders = key.folders;
    if (!starts_program(asked.operation)) return granted;
    granted.environment = merge_environment(asked.environment, key.environment);
    if (!key.command) return granted;
    granted.command = key.command;
    if (asked.operation == Operation::run) {
        // A command longer than a variable may be is cut: to hold it back would hide that it was.
        const std::string original(asked.command, 0,
                                   std::min(asked.command.find('\0'), kMaxVariableBytes / 2));
        granted.environment = merge_environment(std::move(granted.environment),
                                                {fmt::format("{}={}", kOriginalCommand, original)});
    }
    return granted;
}

}  // namespace

std::string_view operation_name(Operation operation) {
    switch (operation) {
        case Operation::run: return "run";
        case Operation::shell: return "shell";
        case Operation::jobs: return "jobs";
        case Operation::put: return "put";
        case Operation::get: return "get";
        case Operation::forward: return "forward";
        case Operation::listen: return "listen";
        case Operation::control: return "control";
        case Operation::info: return "info";
    }
    return "unknown";
}

bool may_ask_for(const AuthorizedKey& key, Operation operation) {
    return !refuse_right(key, operation).has_value();
}

std::optional<Refused> refuse_connection(const AuthorizedKey& key,
                                         const Circumstances& circumstances) {
    if (key.expires && circumstances.now >= *key.expires) {
        return Refused{"expires",
                       fmt::format("this key expired at {}", format_instant(*key.expires))};
    }
    const bool near = circumstances.cid && std::find(key.cids.begin(), key.cids.end(),
                                                     *circumstances.cid) != key.cids.end();
    if (!key.cids.empty() && !near) {
        return Refused{"from-cid",
                       circumstances.cid
                           ? fmt::format("this key may not come from CID {}", *circumstances.cid)
                           : "this key must come by vsock"};
    }
    if (key.max_sessions && circumstances.others >= *key.max_sessions) {
        return Refused{"max-sessions", fmt::format("this key may have {} sessions and jobs at once",
                                                   *key.max_sessions)};
    }
    return std::nullopt;
}

Decision decide(const AuthorizedKey& key, const Asked& asked, const Circumstances& circumstances) {
    if (auto refused = refuse_connection(key, circumstances)) return *std::move(refused);
    if (auto refused = refuse_operation(key, asked)) return *std::move(refused);
    return grant(key, asked, circumstances);
}

}  // namespace pipeline
