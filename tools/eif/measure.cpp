// eif measure: the PCRs of an image.
#include "base/log.h"
#include "base/main.h"
#include "commands.h"
#include "image_file.h"

namespace eif {

base::Result<int> measure(const base::Arguments& arguments) {
    TRY(arguments.expect_operands(1, 1));
    const ImageFile file = TRY(open_image(std::string(arguments.operands[0])));
    warn_of_table_faults(file);
    const Scan scan = TRY(scan_image(file));
    if (scan.crc32 != file.image.header.crc32) {
        base::log::warning("the image's checksum is wrong", {{"file", file.input.name}});
    }
    if (scan.signature && !scan.signature->ok()) {
        base::log::warning("PCR8 is unknown", {{"reason", scan.signature->error().message}});
    }
    TRY(base::print(to_text(scan.measurements)));
    return 0;
}

}  // namespace eif
