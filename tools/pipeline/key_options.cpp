// One function for each option, in a table.
#include "key_options.h"

#include <algorithm>
#include <iterator>

#include "base/format.h"
#include "base/text.h"
#include "environment.h"

namespace pipeline {

namespace {

using base::quote;

constexpr std::size_t kMaxRepeats = 64;  // of one option on a line

struct NamedRight {
    std::string_view name;
    Right right;
};
constexpr NamedRight kRights[] = {{"run", Right::run},   {"shell", Right::shell},
                                  {"copy", Right::copy}, {"forward", Right::forward},
                                  {"info", Right::info}, {"control", Right::control}};

std::string take_allow(AuthorizedKey& key, const std::string& value) {
    key.rights = Rights::none();
    for (const std::string_view name : base::split(value, '+')) {
        const auto* found = std::find_if(std::begin(kRights), std::end(kRights),
                                         [&](const NamedRight& each) { return each.name == name; });
        if (found == std::end(kRights)) {
            return fmt::format(
                "{} is nothing to allow (run, shell, copy, forward, info, control, joined by +)",
                quote(name));
        }
        if (key.rights.has(found->right)) return fmt::format("{} is allowed twice", name);
        key.rights.add(found->right);
    }
    return {};
}

std::string take_command(AuthorizedKey& key, const std::string& value) {
    if (base::trim(value).empty()) return "the command is empty";
    key.command = value;
    return {};
}

std::string take_path(AuthorizedKey& key, const std::string& value) {
    if (!value.starts_with('/')) return fmt::format("{} is not an absolute path", quote(value));
    std::string folder;
    for (const std::string_view part : base::split(value, '/')) {
        if (part == "." || part == "..") {
            return fmt::format("{} must not hold '.' or '..'", quote(value));
        }
        if (!part.empty()) folder.append("/").append(part);
    }
    key.folders.push_back(folder.empty() ? "/" : folder);
    return {};
}

std::string take_user(AuthorizedKey& key, const std::string& value) {
    const std::vector<std::string_view> parts = base::split(value, ':');
    const auto odd = [](std::string_view part) {
        return part.empty() || part.size() > 64 || part.find_first_of(" \t,/") != part.npos;
    };
    if (parts.size() > 2 || std::any_of(parts.begin(), parts.end(), odd)) {
        return fmt::format("{} is neither USER nor USER:GROUP", quote(value));
    }
    key.user = value;
    return {};
}

std::string take_cid(AuthorizedKey& key, const std::string& value) {
    const auto cid = base::parse_number(value, 0, vsockio::kCidAny - 1);
    if (!cid.ok()) return cid.error().message;
    key.cids.push_back(static_cast<std::uint32_t>(cid.value()));
    return {};
}

std::string take_expiry(AuthorizedKey& key, const std::string& value) {
    key.expires = parse_instant(value);
    if (key.expires) return {};
    return fmt::format("{} is no time such as 2027-01-31 or 2027-01-31T18:00:00Z", quote(value));
}

std::string take_pattern(std::vector<AddressPattern>& patterns, const std::string& value,
                         bool port_zero) {
    using Kind = vsockio::Address::Kind;
    AddressPattern pattern;
    pattern.any_port = value.ends_with(":*") && !value.starts_with("unix:");
    std::string spelled = value;
    if (pattern.any_port) spelled.back() = '1';
    const auto address = vsockio::parse_address(spelled);
    if (!address.ok()) return address.error().message;
    pattern.address = address.value();
    const Kind kind = pattern.address.kind;
    if (kind != Kind::tcp && kind != Kind::vsock && kind != Kind::local) {
        return fmt::format("{} is not of the form tcp:, vsock: or unix:", quote(value));
    }
    if (kind == Kind::tcp && pattern.address.port == 0 && !port_zero) {
        return fmt::format("{}: nobody can be reached at port 0", quote(value));
    }
    patterns.push_back(std::move(pattern));
    return {};
}

std::string take_open(AuthorizedKey& key, const std::string& value) {
    return take_pattern(key.may_open, value, false);
}

std::string take_listen(AuthorizedKey& key, const std::string& value) {
    return take_pattern(key.may_listen, value, true);
}

std::string take_max_sessions(AuthorizedKey& key, const std::string& value) {
    const auto count = base::parse_number(value, 1, 10'000);
    if (!count.ok()) return count.error().message;
    key.max_sessions = static_cast<unsigned>(count.value());
    return {};
}

std::string take_max_time(AuthorizedKey& key, const std::string& value) {
    const auto time = base::parse_duration(value);
    if (!time.ok()) return time.error().message;
    if (time.value().count() == 0) return "a time of 0 would allow nothing";
    key.max_time = time.value();
    return {};
}

std::string take_variable(AuthorizedKey& key, const std::string& value) {
    const std::string_view why = problem_with_variable(value);
    if (!why.empty()) return fmt::format("{}: {}", quote(value), why);
    const std::string_view name = variable_name(value);
    for (const std::string& other : key.environment) {
        if (variable_name(other) == name) return fmt::format("{} is set twice", quote(name));
    }
    key.environment.push_back(value);
    return {};
}

struct KeyOption {
    std::string_view name;
    bool repeatable;
    std::string (*take)(AuthorizedKey&, const std::string&);
};
constexpr KeyOption kOptions[] = {
    {"allow", false, take_allow},         {"command", false, take_command},
    {"environment", true, take_variable}, {"expires", false, take_expiry},
    {"from-cid", true, take_cid},         {"max-sessions", false, take_max_sessions},
    {"max-time", false, take_max_time},   {"path", true, take_path},
    {"permit-listen", true, take_listen}, {"permit-open", true, take_open},
    {"user", false, take_user},
};

}  // namespace

std::string take_key_option(AuthorizedKey& key, std::string_view name, const std::string& value,
                            unsigned given) {
    std::vector<std::string_view> names;
    for (const KeyOption& option : kOptions) {
        if (option.name != name) {
            names.push_back(option.name);
            continue;
        }
        if (given > 0 && !option.repeatable) return fmt::format("{}= is given twice", name);
        if (given >= kMaxRepeats) {
            return fmt::format("{}= is given more than {} times", name, kMaxRepeats);
        }
        return option.take(key, value);
    }
    const std::string_view nearest = base::nearest_name(name, names);
    return fmt::format("unknown option {}{}", quote(name),
                       nearest.empty() ? "" : fmt::format(", {}= is one", nearest));
}

std::string settle_key_options(AuthorizedKey& key, bool rights_given) {
    if (!key.folders.empty()) {
        if (!rights_given) {
            key.rights = Rights::none();
            key.rights.add(Right::copy);
            key.rights.add(Right::info);
        }
        for (const NamedRight& each : kRights) {
            const bool runs = each.right == Right::run || each.right == Right::shell ||
                              each.right == Right::control;
            if (runs && key.rights.has(each.right)) {
                return fmt::format("path= cannot hold a key that may {}: a program goes anywhere",
                                   each.name);
            }
        }
        if (!key.rights.has(Right::copy)) return "path= without the right to copy";
    }
    if (key.command && !key.rights.has(Right::run) && !key.rights.has(Right::shell)) {
        return "command= without the right to run or shell";
    }
    if ((!key.may_open.empty() || !key.may_listen.empty()) && !key.rights.has(Right::forward)) {
        return "permit-open= or permit-listen= without the right to forward";
    }
    return {};
}

}  // namespace pipeline
