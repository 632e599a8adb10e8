// Words, names, paths, masks, percentages and limits.
#include "service_values.h"

#include <sys/resource.h>
#include <charconv>

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "signals.h"
#include "words.h"

namespace initd {

namespace yaml = codec::yaml;
using base::Result;
using yaml::Value;

bool valid_service_name(std::string_view name) {
    if (name.empty() || name.size() > 64 || name[0] == '.' || name[0] == '-') return false;
    return std::all_of(name.begin(), name.end(), [](char character) {
        return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
               (character >= '0' && character <= '9') || character == '.' || character == '_' ||
               character == '-';
    });
}

Result<std::vector<std::string>> read_command(const Value& value) {
    std::vector<std::string> words;
    if (value.kind() == yaml::Kind::sequence) {
        words = TRY(value.texts());
    } else {
        auto split = split_words(TRY(value.text()));
        if (!split.ok()) return value.fail(split.error().message);
        words = std::move(split).value();
    }
    if (words.empty() || words[0].empty()) return value.fail("no program is named");
    return words;
}

Result<std::vector<std::string>> read_names(const Value& value) {
    std::vector<std::string> names;
    for (const Value& item : TRY(value.items())) {
        names.push_back(TRY(item.text()));
        if (!valid_service_name(names.back())) {
            return item.fail(fmt::format("{} is not a service name", base::quote(names.back())));
        }
    }
    return names;
}

Result<std::string> read_absolute_path(const Value& value) {
    std::string path = TRY(value.text());
    if (!path.starts_with('/')) return value.fail("expected an absolute path");
    return path;
}

Result<unsigned> read_mode_mask(const Value& value) {
    const std::string text = TRY(value.text());
    unsigned mask = 0;
    bool octal = !text.empty() && text.size() <= 4;
    for (const char digit : text) {
        octal = octal && digit >= '0' && digit <= '7';
        mask = mask * 8 + static_cast<unsigned>(digit - '0');
    }
    if (!octal || mask > 0777) return value.fail("expected an octal mask such as \"022\"");
    return mask;
}

Result<int> read_signal(const Value& value) {
    const std::string name = TRY(value.text());
    const std::optional<int> number = signal_number(name);
    if (!number) return value.fail(fmt::format("{} is not a signal", base::quote(name)));
    return *number;
}

// Absolute and without "." or "..": what it names must not depend on what is mounted.
Result<std::vector<std::string>> read_paths(const Value& value) {
    std::vector<std::string> paths;
    for (const Value& item : TRY(value.items())) {
        const std::string path = TRY(item.text());
        if (!path.starts_with('/')) return item.fail("expected an absolute path");
        for (const std::string_view part : base::split(path, '/')) {
            if (part == "." || part == "..") return item.fail("expected a path without . and ..");
        }
        if (path.find_first_not_of('/') == std::string::npos) {
            return item.fail("the root itself is meant by read_only_root");
        }
        paths.push_back(path);
    }
    if (paths.size() > Confinement::kMostPaths) {
        return value.fail(fmt::format("more than {} paths", Confinement::kMostPaths));
    }
    return paths;
}

Result<int> read_integer(const Value& value, int minimum, int maximum) {
    const std::string text = TRY(value.text());
    int number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || number < minimum ||
        number > maximum) {
        return value.fail(fmt::format("expected a number from {} to {}", minimum, maximum));
    }
    return number;
}

Result<std::uint64_t> read_percent(const Value& value) {
    std::string text = TRY(value.text());
    if (text.ends_with('%')) text.pop_back();
    const auto percent = base::parse_number(text, 1, 100'000);
    if (!percent.ok()) return value.fail("expected a percentage of one CPU such as 150%");
    return percent.value();
}

Result<ResourceLimit> read_resource_limit(const Value& value, int resource) {
    const auto one = [](const Value& v) -> Result<std::uint64_t> {
        if (v.kind() == yaml::Kind::scalar && v.node().text == "unlimited") {
            return static_cast<std::uint64_t>(RLIM_INFINITY);
        }
        return v.size();
    };
    if (value.kind() == yaml::Kind::scalar) {
        const std::uint64_t both = TRY(one(value));
        return ResourceLimit{resource, both, both};
    }
    const std::vector<Value> items = TRY(value.items());
    if (items.size() != 2) return value.fail("expected a limit or [soft, hard]");
    const ResourceLimit limit{resource, TRY(one(items[0])), TRY(one(items[1]))};
    if (limit.soft > limit.hard) return value.fail("the soft limit is above the hard one");
    return limit;
}

Result<Environment> read_environment(const Value& value) {
    Environment environment = TRY(value.text_map());
    for (const yaml::Entry& entry : value.node().entries) {
        if (entry.key.find('=') != std::string::npos || entry.key.find('\0') != std::string::npos) {
            return value.fail_at(entry.mark,
                                 fmt::format("{} cannot name a variable", base::quote(entry.key)));
        }
    }
    return environment;
}

}  // namespace initd
