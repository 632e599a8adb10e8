// Archives of ramdisks: members that are accepted must lie inside of the input.
#include "newc.h"

#include <cstdlib>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto archive =
        eif::parse_newc(0, size, [&](std::uint64_t offset, std::span<std::byte> to) {
            if (offset > size || to.size() > size - offset) std::abort();
            std::memcpy(to.data(), data + offset, to.size());
            return base::Result<void>();
        });
    if (!archive.ok()) return 0;
    if (archive->end_offset > size) std::abort();
    for (const eif::NewcMember& member : archive->members) {
        if (member.content_offset + member.fields.size > size) std::abort();
    }
    return 0;
}
