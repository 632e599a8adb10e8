// nsm pcr read, extend, lock.

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "commands.h"

namespace nsm_tool {

using base::Error;
using base::Result;

namespace {

constexpr std::uint64_t kHighestIndex = 255;  // QEMU's module takes no wider number

Result<std::uint16_t> parse_index(std::string_view text) {
    return static_cast<std::uint16_t>(TRY(base::parse_number(text, 0, kHighestIndex)));
}

// The bytes have no algorithm's name with them; their number tells it.
std::string_view digest_of(std::span<const std::byte> value) {
    return value.size() == 32 ? "SHA256" : value.size() == 64 ? "SHA512" : "SHA384";
}

std::string as_table(std::span<const std::uint16_t> indexes,
                     std::span<const nsm::Register> registers) {
    std::string out;
    for (std::size_t position = 0; position < indexes.size(); ++position) {
        out += fmt::format("{:<6} {:<7} {}\n", fmt::format("PCR{}", indexes[position]),
                           registers[position].locked ? "locked" : "open",
                           base::to_hex(registers[position].value));
    }
    return out;
}

Result<std::string> read(const base::Arguments& arguments, const Opener& open,
                         std::span<const std::string_view> operands) {
    std::vector<std::uint16_t> indexes;
    for (const std::string_view operand : operands) {
        indexes.push_back(TRY(parse_index(operand)));
    }
    std::ranges::sort(indexes);
    indexes.erase(std::unique(indexes.begin(), indexes.end()), indexes.end());
    const auto module = TRY(open());
    if (indexes.empty()) {
        indexes.resize(TRY(module->describe()).register_count);
        for (std::size_t index = 0; index < indexes.size(); ++index) {
            indexes[index] = static_cast<std::uint16_t>(index);
        }
    }
    std::vector<nsm::Register> registers;
    for (const std::uint16_t index : indexes) {
        auto found = module->describe_pcr(index);
        if (!found.ok()) return std::move(found).error().at(fmt::format("PCR{}", index));
        registers.push_back(std::move(found).value());
    }
    if (!arguments.has("json")) return as_table(indexes, registers);
    std::vector<Measurement> measurements;
    for (std::size_t position = 0; position < indexes.size(); ++position) {
        measurements.push_back({indexes[position], std::move(registers[position].value)});
    }
    const std::string_view digest =
        measurements.empty() ? "SHA384" : digest_of(measurements.front().value);
    return measurements_json(digest, measurements);
}

Result<std::string> extend(const base::Arguments& arguments, const Opener& open,
                           std::string_view index_text, std::string_view data_text) {
    const std::uint16_t index = TRY(parse_index(index_text));
    const std::vector<std::byte> data = TRY(read_data(data_text));
    const auto module = TRY(open());
    const Measurement measurement{index, TRY(module->extend_pcr(index, data))};
    if (arguments.has("json")) {
        return measurements_json(digest_of(measurement.value), std::span(&measurement, 1));
    }
    return base::to_hex(measurement.value) + "\n";
}

Result<std::string> lock(const base::Arguments& arguments, const Opener& open,
                         std::span<const std::string_view> operands) {
    if (arguments.has("below") == !operands.empty() || operands.size() > 1) {
        return Error::usage("lock wants either one INDEX or --below=N");
    }
    if (arguments.has("below")) {
        const std::uint64_t range = TRY(arguments.number("below", 1, kHighestIndex + 1));
        const auto module = TRY(open());
        TRY(module->lock_pcrs(static_cast<std::uint16_t>(range)));
    } else {
        const std::uint16_t index = TRY(parse_index(operands[0]));
        const auto module = TRY(open());
        TRY(module->lock_pcr(index));
    }
    return std::string();
}

}  // namespace

Result<std::string> pcr(const base::Arguments& arguments, const Opener& open) {
    if (arguments.operands.empty()) return Error::usage("expected read, extend or lock");
    const std::string_view action = arguments.operands[0];
    const auto operands = std::span(arguments.operands).subspan(1);
    if (action != "lock" && arguments.has("below")) {
        return Error::usage("--below belongs to lock");
    }
    if (action == "read") return read(arguments, open, operands);
    if (action == "extend") {
        if (operands.size() != 2) return Error::usage("extend wants INDEX and DATA");
        return extend(arguments, open, operands[0], operands[1]);
    }
    if (action == "lock") return lock(arguments, open, operands);
    static constexpr std::string_view kActions[] = {"read", "extend", "lock"};
    const std::string_view nearest = base::nearest_name(action, kActions);
    return Error::usage(fmt::format("unknown action {}", base::quote(action)),
                        nearest.empty() ? "try --help" : fmt::format("did you mean {}?", nearest));
}

}  // namespace nsm_tool
