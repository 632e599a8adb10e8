// nsm describe.

#include "base/format.h"
#include "base/text.h"
#include "codec/json.h"
#include "commands.h"

namespace nsm_tool {

using base::Result;

namespace {

std::string as_json(const nsm::Description& description) {
    codec::json::Array locked;
    for (const std::uint16_t index : description.locked_registers) {
        locked.emplace_back(std::int64_t{index});
    }
    codec::json::Value value;
    value.set("module_id", description.module_id)
        .set("version_major", std::int64_t{description.version_major})
        .set("version_minor", std::int64_t{description.version_minor})
        .set("version_patch", std::int64_t{description.version_patch})
        .set("digest", description.digest)
        .set("max_pcrs", std::int64_t{description.register_count})
        .set("locked_pcrs", std::move(locked));
    return codec::json::write(value, 2) + "\n";
}

// "0-15,20": for people.
std::string as_ranges(const std::vector<std::uint16_t>& sorted) {
    std::string out;
    for (std::size_t first = 0; first < sorted.size();) {
        std::size_t last = first;
        while (last + 1 < sorted.size() && sorted[last + 1] == sorted[last] + 1)
            ++last;
        out += fmt::format("{}{}", out.empty() ? "" : ",", sorted[first]);
        if (last > first) out += fmt::format("-{}", sorted[last]);
        first = last + 1;
    }
    return out.empty() ? "none" : out;
}

}  // namespace

Result<std::string> describe(const base::Arguments& arguments, const Opener& open) {
    TRY(arguments.expect_operands(0, 0));
    const auto module = TRY(open());
    const nsm::Description description = TRY(module->describe());
    if (arguments.has("json")) return as_json(description);
    return fmt::format(
        "module     {}\n"
        "version    {}.{}.{}\n"
        "digest     {}\n"
        "registers  {}\n"
        "locked     {}\n",
        base::escape(description.module_id), description.version_major, description.version_minor,
        description.version_patch, base::escape(description.digest), description.register_count,
        as_ranges(description.locked_registers));
}

}  // namespace nsm_tool
