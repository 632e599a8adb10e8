// The manifest of an extracted image.
#include "manifest.h"

#include <limits>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "codec/json.h"

namespace eif {

namespace {

constexpr std::size_t kMaximumManifestBytes = 64 * 1024;

base::Result<std::uint64_t> number(const codec::json::Value& document, std::string_view key,
                                   std::uint64_t most) {
    const codec::json::Value* value = document.find(key);
    // Numbers that JSON cannot hold exactly are written as text.
    if (value != nullptr && value->as_text()) {
        const auto parsed = base::parse_number(*value->as_text(), 0, most);
        if (parsed.ok()) return parsed;
    }
    const auto integer = value == nullptr ? std::nullopt : value->as_integer();
    if (!integer || *integer < 0 || static_cast<std::uint64_t>(*integer) > most) {
        return base::Error::data(fmt::format("{} is missing or out of range", key));
    }
    return static_cast<std::uint64_t>(*integer);
}

codec::json::Value exact(std::uint64_t value) {
    constexpr std::uint64_t kExact = 1ULL << 53;
    if (value < kExact) return codec::json::Value(static_cast<std::int64_t>(value));
    return codec::json::Value(std::to_string(value));
}

base::Result<SectionType> parse_type(std::string_view text) {
    for (const SectionType type : {SectionType::kernel, SectionType::cmdline, SectionType::ramdisk,
                                   SectionType::signature, SectionType::metadata}) {
        if (text == name_of(type)) return type;
    }
    return base::Error::data(fmt::format("unknown section type {}", base::quote(text)));
}

base::Result<Recipe> parse_manifest(const codec::json::Value& document, const std::string& folder) {
    constexpr auto kMost16 = std::numeric_limits<std::uint16_t>::max();
    constexpr auto kMost64 = std::numeric_limits<std::uint64_t>::max();
    Recipe recipe;
    recipe.header.version = static_cast<std::uint16_t>(TRY(number(document, "Version", kMost16)));
    recipe.header.flags = static_cast<std::uint16_t>(TRY(number(document, "Flags", kMost16)));
    recipe.header.default_memory_bytes = TRY(number(document, "DefaultMemory", kMost64));
    recipe.header.default_cpu_count = TRY(number(document, "DefaultCpus", kMost64));
    const codec::json::Value* sections = document.find("Sections");
    if (sections == nullptr || sections->as_array() == nullptr) {
        return base::Error::data("Sections is missing");
    }
    for (const codec::json::Value& section : *sections->as_array()) {
        const codec::json::Value* type = section.find("Type");
        const codec::json::Value* file = section.find("File");
        const std::string_view name = file == nullptr ? "" : file->as_text().value_or("");
        if (type == nullptr || !type->as_text()) return base::Error::data("a section has no Type");
        if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos) {
            return base::Error::data(
                fmt::format("{} is not the name of a file in the folder", base::quote(name)));
        }
        auto input = std::make_shared<Input>(TRY(open_input(fmt::format("{}/{}", folder, name))));
        recipe.pieces.push_back(piece_of(TRY(parse_type(*type->as_text())), std::move(input)));
    }
    return recipe;
}

}  // namespace

std::vector<std::string> file_names(const Image& image) {
    std::vector<std::string> names;
    std::size_t ramdisks = 0;
    for (const Section& section : image.sections) {
        switch (section.type) {
            case SectionType::ramdisk: names.push_back(fmt::format("ramdisk{}", ramdisks++)); break;
            case SectionType::metadata: names.emplace_back("metadata.json"); break;
            case SectionType::signature: names.emplace_back("signature.cbor"); break;
            default: names.emplace_back(name_of(section.type)); break;
        }
    }
    return names;
}

std::string make_manifest(const Image& image) {
    const std::vector<std::string> names = file_names(image);
    codec::json::Value sections{codec::json::Array{}};
    for (std::size_t index = 0; index < names.size(); ++index) {
        codec::json::Value section;
        section.set("Type", name_of(image.sections[index].type)).set("File", names[index]);
        sections.append(std::move(section));
    }
    codec::json::Value document;
    document.set("Version", exact(image.header.version))
        .set("Flags", exact(image.header.flags))
        .set("DefaultMemory", exact(image.header.default_memory_bytes))
        .set("DefaultCpus", exact(image.header.default_cpu_count))
        .set("Sections", std::move(sections));
    return codec::json::write(document, 2) + "\n";
}

base::Result<Recipe> read_manifest(const std::string& folder) {
    const std::string path = fmt::format("{}/{}", folder, kManifestName);
    const std::string text = TRY(base::read_file(path, kMaximumManifestBytes));
    base::Result<codec::json::Value> document = codec::json::parse(text);
    if (!document.ok()) return std::move(document).error().at(base::escape(path));
    base::Result<Recipe> recipe = parse_manifest(document.value(), folder);
    if (!recipe.ok() && recipe.error().code == base::ExitCode::data) {
        return std::move(recipe).error().at(base::escape(path));
    }
    return recipe;
}

}  // namespace eif
