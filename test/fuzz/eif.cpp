// Enclave images: the layout reader must answer every input, and what it accepts must lie inside.
#include <cstdlib>
#include <cstring>

#include "format.h"
#include "signature.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto image = eif::read_layout(size, [&](std::uint64_t offset, std::span<std::byte> to) {
        if (offset > size || to.size() > size - offset) std::abort();
        std::memcpy(to.data(), bytes.data() + offset, to.size());
        return base::Result<void>();
    });
    if (image.ok()) {
        for (const eif::Section& section : image->sections) {
            if (section.payload_offset() + section.size > size) std::abort();
            if (section.type != eif::SectionType::signature) continue;
            (void)eif::parse_signature_section(
                bytes.subspan(section.payload_offset(), section.size));
        }
    }
    // Signature sections are rare inside of random images, so they get the bytes alone, too.
    const auto section = eif::parse_signature_section(bytes);
    if (section.ok()) (void)eif::check_signature(section.value(), eif::Pcr{});
    return 0;
}
