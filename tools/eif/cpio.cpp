// eif cpio: one reproducible newc archive from folders, tar streams and OCI layouts.
#include <sys/stat.h>

#include <limits>

#include "archive_writer.h"
#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/main.h"
#include "base/text.h"
#include "commands.h"
#include "cpio_list.h"
#include "environment.h"

namespace eif {

namespace {

constexpr std::string_view kOciPrefix = "oci:";

base::Result<std::string> oci_architecture(std::string_view name) {
    if (name == "x86_64") return std::string("amd64");
    if (name == "aarch64") return std::string("arm64");
    return base::Error::usage(fmt::format("unknown architecture {}", base::quote(name)),
                              "x86_64 or aarch64");
}

base::Result<void> gather(Gathering& gathering, const std::string& source,
                          const base::Arguments& arguments) {
    if (source.starts_with(kOciPrefix)) {
        return gather_oci(gathering, source.substr(kOciPrefix.size()),
                          TRY(oci_architecture(arguments.value("arch"))));
    }
    struct stat status {};
    if (source != "-" && ::stat(source.c_str(), &status) != 0) {
        return base::Error::system("read", source);
    }
    if (source != "-" && S_ISDIR(status.st_mode)) {
        return gather_folder(gathering, source, {.keep_owner = arguments.has("keep-owner")});
    }
    return gather_tar(gathering, source);
}

base::Result<std::uint32_t> archive_time(const base::Arguments& arguments) {
    constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
    if (arguments.has("mtime")) {
        return static_cast<std::uint32_t>(TRY(arguments.number("mtime", 0, kMost)));
    }
    const std::int64_t seconds = TRY(source_date_epoch());
    if (seconds > kMost) return base::Error::usage("SOURCE_DATE_EPOCH does not fit 32 bits");
    return static_cast<std::uint32_t>(seconds);
}

}  // namespace

base::Result<int> cpio(const base::Arguments& arguments) {
    TRY(arguments.expect_operands(1, std::numeric_limits<std::size_t>::max()));
    if (arguments.has("list")) return list_archives(arguments);
    const std::string path(arguments.value("output"));
    if (path.empty()) return base::Error::usage("--output is missing");
    ArchiveOptions options;
    options.prefix = TRY(normalise_name(arguments.value("prefix")));
    options.mtime = TRY(archive_time(arguments));

    Gathering gathering;
    struct stat status {};
    if (path != "-" && ::stat(path.c_str(), &status) == 0) {
        gathering.output = {status.st_dev, status.st_ino};
    }
    base::OutputFile output = TRY(base::OutputFile::create(path));
    const auto compressor =
        TRY(make_compressor(arguments.value("compress"), output.fd(), output.path()));
    for (const std::string_view source : arguments.operands) {
        TRY(gather(gathering, std::string(source), arguments));
    }
    for (const std::string& warning : gathering.warnings)
        base::log::warning(warning);
    TRY(write_archive(gathering, options, *compressor));
    TRY(output.commit());
    return 0;
}

}  // namespace eif
