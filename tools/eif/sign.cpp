// eif sign: the same image with a signature section, over the old file or to another one.
#include <sys/stat.h>

#include "base/main.h"
#include "commands.h"
#include "image_file.h"
#include "image_writer.h"

namespace eif {

base::Result<int> sign(const base::Arguments& arguments) {
    TRY(arguments.expect_operands(1, 1));
    if (!arguments.has("signing-certificate") || !arguments.has("private-key")) {
        return base::Error::usage("--signing-certificate and --private-key are needed");
    }
    const Signer signer = TRY(load_signer(std::string(arguments.value("signing-certificate")),
                                          std::string(arguments.value("private-key"))));
    const std::string path(arguments.operands[0]);
    ImageFile file = TRY(open_image(path));
    const std::string output =
        arguments.has("output") ? std::string(arguments.value("output")) : path;
    if (arguments.has("output")) TRY(refuse_same_file(file.input, output));
    const Scan scan = TRY(scan_image(file));
    if (scan.crc32 != file.image.header.crc32) {
        return base::Error::data(
            "header field crc32 at 0x220 does not fit the image: a damaged "
            "image is not signed");
    }
    struct stat status {};
    if (::fstat(file.input.fd.get(), &status) != 0) return base::Error::system("read", path);

    Recipe recipe;
    recipe.header = file.image.header;
    const auto input = std::make_shared<const Input>(std::move(file.input));
    for (const Section& section : file.image.sections) {
        recipe.pieces.push_back({section.type, input, section.payload_offset(), section.size, {}});
    }
    const Measurements measurements =
        TRY(write_image(std::move(recipe), &signer, output, status.st_mode & 0777));
    TRY(base::print(to_text(measurements)));
    return 0;
}

}  // namespace eif
