// eif extract: sections to files, from which 'eif build --from' makes the same image.
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/format.h"
#include "base/main.h"
#include "base/progress.h"
#include "base/text.h"
#include "commands.h"
#include "image_file.h"
#include "manifest.h"

namespace eif {

namespace {

// A link, device or pipe under one of our names would be written through; it goes instead.
base::Result<void> clear_way(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return {};
    if (::unlink(path.c_str()) != 0) return base::Error::system("replace", path);
    return {};
}

base::Result<void> copy_section(const ImageFile& file, const Section& section,
                                const std::string& path, base::Progress& progress) {
    TRY(clear_way(path));
    base::OutputFile output = TRY(base::OutputFile::create(path));
    std::vector<std::byte> buffer(256 * 1024);
    for (std::uint64_t done = 0; done < section.size;) {
        const std::span<std::byte> block = std::span(buffer).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), section.size - done)));
        TRY(file.input.read_at(section.payload_offset() + done, block));
        TRY(base::write_all(output.fd(), block, path));
        done += block.size();
        progress.advance(block.size());
    }
    return output.commit();
}

}  // namespace

base::Result<int> extract(const base::Arguments& arguments) {
    TRY(arguments.expect_operands(1, 1));
    const std::string folder(arguments.value("output"));
    if (folder.empty() || folder == "-") {
        return base::Error::usage("--output must name a folder");
    }
    const ImageFile file = TRY(open_image(std::string(arguments.operands[0])));
    warn_of_table_faults(file);
    if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) {
        return base::Error::system("make the folder", folder);
    }
    // The names are ours, never the image's.
    const std::vector<std::string> names = file_names(file.image);
    for (const std::string& name : names) {
        TRY(refuse_same_file(file.input, fmt::format("{}/{}", folder, name)));
    }
    base::Progress progress("extracting", file.input.size);
    for (std::size_t index = 0; index < names.size(); ++index) {
        TRY(copy_section(file, file.image.sections[index],
                         fmt::format("{}/{}", folder, names[index]), progress));
    }
    const std::string path = fmt::format("{}/{}", folder, kManifestName);
    TRY(clear_way(path));
    base::OutputFile manifest = TRY(base::OutputFile::create(path));
    TRY(base::write_all(manifest.fd(), base::as_bytes(make_manifest(file.image)), path));
    TRY(manifest.commit());
    return 0;
}

}  // namespace eif
