// eif build: an image from its parts, or from what 'eif extract' left.
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/main.h"
#include "base/text.h"
#include "commands.h"
#include "environment.h"
#include "image_writer.h"
#include "manifest.h"
#include "metadata.h"

namespace eif {

namespace {

constexpr std::size_t kMaximumConfigBytes = 4 << 20;

base::Result<std::shared_ptr<const Input>> open_part(std::string_view path,
                                                     const std::string& output) {
    auto input = std::make_shared<Input>(TRY(open_input(std::string(path))));
    TRY(refuse_same_file(*input, output));
    if (input->size == 0) {
        return base::Error::data(fmt::format("{} is empty", base::quote(input->name)));
    }
    return std::shared_ptr<const Input>(std::move(input));
}

// An arm64 kernel says where it wants to be loaded; the launcher cannot load one that says 0.
base::Result<void> check_aarch64_kernel(const Input& kernel) {
    constexpr std::size_t kLoadOffsetField = 8;
    constexpr std::size_t kMagicField = 56;
    constexpr std::uint32_t kMagic = 0x644d5241;  // "ARM\x64"
    std::array<std::byte, 64> head{};
    if (kernel.size >= head.size()) TRY(kernel.read_at(0, head));
    const std::span<const std::byte> bytes(head);
    if (base::load_le<std::uint32_t>(bytes.subspan(kMagicField)) != kMagic) {
        return base::Error::data(
                   fmt::format("{} is not an arm64 kernel Image", base::quote(kernel.name)))
            .with_hint("give the uncompressed Image, not Image.gz or a bzImage");
    }
    if (base::load_le<std::uint64_t>(bytes.subspan(kLoadOffsetField)) == 0) {
        return base::Error::data(
            fmt::format("{}: text_offset at 0x008 is 0, it must not be", base::quote(kernel.name)));
    }
    return {};
}

base::Result<std::string> read_cmdline(const base::Arguments& arguments) {
    if (arguments.has("cmdline") == arguments.has("cmdline-file")) {
        return base::Error::usage("give one of --cmdline and --cmdline-file");
    }
    std::string text = arguments.has("cmdline")
                           ? std::string(arguments.value("cmdline"))
                           : TRY(base::read_file(std::string(arguments.value("cmdline-file")),
                                                 kMaximumCmdlineBytes + 1024));
    text = base::trim(text);
    if (text.size() > kMaximumCmdlineBytes || text.find('\0') != std::string::npos) {
        return base::Error::data(
            fmt::format("the command line is longer than {} bytes or holds "
                        "a NUL",
                        kMaximumCmdlineBytes));
    }
    return text;
}

base::Result<codec::json::Value> read_custom_metadata(const std::string& path) {
    const std::string text = TRY(base::read_file(path, kMaximumCustomMetadataBytes));
    base::Result<codec::json::Value> value = codec::json::parse(text);
    if (!value.ok()) return std::move(value).error().at(base::escape(path));
    if (value->as_object() == nullptr) {
        return base::Error::data(fmt::format("{} is not a JSON object", base::quote(path)));
    }
    return value;
}

base::Result<std::string> make_metadata(const base::Arguments& arguments) {
    KernelFacts kernel;
    if (arguments.has("kernel-config")) {
        kernel = parse_kernel_config(TRY(
            base::read_file(std::string(arguments.value("kernel-config")), kMaximumConfigBytes)));
    }
    const auto given_or = [&](std::string_view option, const std::string& otherwise) {
        return arguments.has(option) ? std::string(arguments.value(option)) : otherwise;
    };
    Metadata metadata;
    metadata.image_name = arguments.value("name");
    metadata.image_version = arguments.value("version");
    metadata.build_time = given_or("build-time", format_time(TRY(source_date_epoch())));
    metadata.build_tool = arguments.value("build-tool");
    metadata.build_tool_version = arguments.value("build-tool-version");
    metadata.operating_system = given_or("img-os", kernel.operating_system);
    metadata.kernel_version = given_or("img-kernel", kernel.version);
    if (arguments.has("metadata")) {
        metadata.custom = TRY(read_custom_metadata(std::string(arguments.value("metadata"))));
    }
    return to_text(metadata);
}

base::Result<Recipe> recipe_from_options(const base::Arguments& arguments,
                                         const std::string& output) {
    if (!arguments.has("kernel")) return base::Error::usage("--kernel is missing");
    if (!arguments.has("ramdisk")) return base::Error::usage("--ramdisk is missing");
    Recipe recipe;
    const std::string_view architecture = arguments.value("arch");
    if (architecture != "x86_64" && architecture != "aarch64") {
        return base::Error::usage(fmt::format("unknown architecture {}", base::quote(architecture)),
                                  "x86_64 or aarch64");
    }
    if (architecture == "aarch64") recipe.header.flags = kFlagAarch64;
    const auto kernel = TRY(open_part(arguments.value("kernel"), output));
    if (architecture == "aarch64") TRY(check_aarch64_kernel(*kernel));
    recipe.pieces.push_back(piece_of(SectionType::kernel, kernel));
    recipe.pieces.push_back(piece_of(SectionType::cmdline, TRY(read_cmdline(arguments))));
    recipe.pieces.push_back(piece_of(SectionType::metadata, TRY(make_metadata(arguments))));
    for (const std::string_view path : arguments.values("ramdisk")) {
        recipe.pieces.push_back(piece_of(SectionType::ramdisk, TRY(open_part(path, output))));
    }
    return recipe;
}

base::Result<Recipe> recipe_from_folder(const base::Arguments& arguments,
                                        const std::string& output) {
    for (const std::string_view option :
         {"kernel", "cmdline", "cmdline-file", "ramdisk", "metadata", "kernel-config"}) {
        if (arguments.has(option)) {
            return base::Error::usage(fmt::format("--{} does not go with --from", option));
        }
    }
    Recipe recipe = TRY(read_manifest(std::string(arguments.value("from"))));
    for (const Piece& piece : recipe.pieces)
        TRY(refuse_same_file(*piece.input, output));
    return recipe;
}

}  // namespace

base::Result<int> build(const base::Arguments& arguments) {
    TRY(arguments.expect_operands(0, 0));
    const std::string output(arguments.value("output"));
    if (output.empty()) return base::Error::usage("--output is missing");
    if (arguments.has("signing-certificate") != arguments.has("private-key")) {
        return base::Error::usage("--signing-certificate and --private-key go together");
    }
    std::optional<Signer> signer;
    if (arguments.has("private-key")) {
        signer = TRY(load_signer(std::string(arguments.value("signing-certificate")),
                                 std::string(arguments.value("private-key"))));
    }
    Recipe recipe = arguments.has("from") ? TRY(recipe_from_folder(arguments, output))
                                          : TRY(recipe_from_options(arguments, output));
    const Measurements measurements =
        TRY(write_image(std::move(recipe), signer ? &*signer : nullptr, output));
    const std::string text = to_text(measurements);
    if (output == "-") {
        TRY(base::write_all(STDERR_FILENO, base::as_bytes(text), "standard error"));
    } else {
        TRY(base::print(text));
    }
    return 0;
}

}  // namespace eif
