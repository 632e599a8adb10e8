// Metadata in and out.
#include "metadata.h"

#include <ctime>
#include <vector>

#include "base/format.h"
#include "base/text.h"

namespace eif {

std::string to_text(const Metadata& metadata) {
    codec::json::Value build;
    build.set("BuildTime", metadata.build_time)
        .set("BuildTool", metadata.build_tool)
        .set("BuildToolVersion", metadata.build_tool_version)
        .set("OperatingSystem", metadata.operating_system)
        .set("KernelVersion", metadata.kernel_version);
    codec::json::Value document;
    document.set("ImageName", metadata.image_name)
        .set("ImageVersion", metadata.image_version)
        .set("BuildMetadata", std::move(build))
        .set("DockerInfo", codec::json::Value())
        .set("CustomMetadata", metadata.custom);
    return codec::json::write(document);
}

KernelFacts parse_kernel_config(std::string_view text) {
    const std::vector<std::string_view> lines = base::split(text, '\n');
    KernelFacts facts;
    if (lines.size() < 3) return facts;
    std::vector<std::string> words(1);
    for (const char character : lines[2]) {
        if (character == ' ' || character == '/' || character == '-') {
            words.emplace_back();
        } else {
            words.back() += character;
        }
    }
    if (words.size() > 1 && !words[1].empty()) facts.operating_system = words[1];
    if (words.size() > 3 && !words[3].empty()) facts.version = words[3];
    return facts;
}

std::string format_time(std::int64_t seconds_since_1970) {
    const std::time_t time = seconds_since_1970;
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace eif
