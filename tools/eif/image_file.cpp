// Reading images.
#include "image_file.h"

#include <algorithm>

#include "base/format.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/text.h"
#include "crc32.h"
#include "hash_team.h"

namespace eif {

namespace {

base::Result<SignatureVerdict> judge_signature(const ImageFile& file, const Section& section,
                                               const Pcr& pcr0) {
    const std::vector<std::byte> payload = TRY(read_payload(file, section));
    return check_signature(TRY(parse_signature_section(payload)), pcr0);
}

}  // namespace

base::Result<ImageFile> open_image(const std::string& path) {
    Input input = TRY(open_input(path));
    base::Result<Image> image =
        read_layout(input.size, [&input](std::uint64_t offset, std::span<std::byte> to) {
            return input.read_at(offset, to);
        });
    if (!image.ok()) return std::move(image).error().at(base::escape(input.name));
    return ImageFile{std::move(input), std::move(image).value()};
}

void warn_of_table_faults(const ImageFile& file) {
    for (const std::string& fault : file.image.table_faults) {
        base::log::warning("readers of this image disagree",
                           {{"file", file.input.name}, {"fault", fault}});
    }
}

base::Result<std::vector<std::byte>> read_payload(const ImageFile& file, const Section& section) {
    std::vector<std::byte> payload(section.size);
    TRY(file.input.read_at(section.payload_offset(), payload));
    return payload;
}

base::Result<Scan> scan_image(const ImageFile& file) {
    base::Progress progress("reading", file.input.size);
    HashTeam team;
    TRY(team.start());
    Crc32 crc;
    HeaderBytes header{};
    TRY(file.input.read_at(0, header));
    crc.update(std::span(header).first(kCrcOffset));
    for (const Section& section : file.image.sections) {
        SectionHeaderBytes section_header{};
        TRY(file.input.read_at(section.offset, section_header));
        crc.update(section_header);
        for (std::uint64_t done = 0; done < section.size;) {
            const std::span<std::byte> room = team.buffer();
            const std::span<std::byte> block = room.first(static_cast<std::size_t>(
                std::min<std::uint64_t>(room.size(), section.size - done)));
            TRY(file.input.read_at(section.payload_offset() + done, block));
            crc.update(block);
            team.submit(section.type, block.size());
            done += block.size();
            progress.advance(block.size());
        }
        team.end_section(section.type);
    }
    Scan scan;
    scan.measurements = TRY(team.finish());
    scan.crc32 = crc.value();
    if (const Section* section = file.image.find(SectionType::signature)) {
        scan.signature = judge_signature(file, *section, scan.measurements.pcr0);
        if (scan.signature->ok()) scan.measurements.pcr8 = scan.signature->value().pcr8;
    }
    return scan;
}

}  // namespace eif
