// Words that several commands share: DATA on the command line, measurements as JSON.

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "codec/json.h"
#include "commands.h"

namespace nsm_tool {

using base::Result;

namespace {

constexpr std::size_t kMaximumDataBytes = 4096;  // an NSM request holds no more

}  // namespace

Result<std::vector<std::byte>> read_data(std::string_view text) {
    if (text != "-" && !text.starts_with('@')) return base::from_hex(text);
    const std::string path(text == "-" ? text : text.substr(1));
    const std::string content = TRY(base::read_file(path, kMaximumDataBytes));
    const auto bytes = base::as_bytes(content);
    return std::vector<std::byte>(bytes.begin(), bytes.end());
}

std::string measurements_json(std::string_view digest, std::span<const Measurement> registers) {
    // The spelling that nitro-cli made the custom: "Sha384 { ... }".
    std::string algorithm(digest);
    if (algorithm.starts_with("SHA")) algorithm = fmt::format("Sha{} {{ ... }}", digest.substr(3));
    codec::json::Value values;
    values.set("HashAlgorithm", algorithm);
    for (const Measurement& each : registers) {
        values.set(fmt::format("PCR{}", each.index), base::to_hex(each.value));
    }
    codec::json::Value whole;
    whole.set("Measurements", std::move(values));
    return codec::json::write(whole, 2) + "\n";
}

Result<std::string> run_command(const base::Arguments& arguments, const Opener& open) {
    const std::string_view name = arguments.command->name;
    if (name == "describe") return describe(arguments, open);
    if (name == "random") return random(arguments, open);
    if (name == "pcr") return pcr(arguments, open);
    if (name == "clock") return clock(arguments, open);
    return attest(arguments, open);
}

}  // namespace nsm_tool
