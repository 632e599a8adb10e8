// Walking a ramdisk from archive to archive.
#include "ramdisk.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "decompress.h"

namespace eif {

namespace {

// The offset of the first byte that is not zero, or `end`.
base::Result<std::uint64_t> skip_zeros(const Input& input, std::uint64_t offset,
                                       std::uint64_t end) {
    std::array<std::byte, 4096> buffer{};
    while (offset < end) {
        const auto block = std::span(buffer).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - offset)));
        TRY(input.read_at(offset, block));
        const auto found = std::find_if(block.begin(), block.end(),
                                        [](std::byte byte) { return byte != std::byte{0}; });
        offset += static_cast<std::uint64_t>(found - block.begin());
        if (found != block.end()) return offset;
    }
    return end;
}

class Walk {
  public:
    base::Result<void> run(const std::shared_ptr<const Input>& input, std::uint64_t offset,
                           std::uint64_t end, std::string_view outer_compression) {
        const std::uint64_t start = offset;
        while (true) {
            offset = TRY(skip_zeros(*input, offset, end));
            if (offset == end) return {};
            std::array<std::byte, 6> magic{};
            TRY(input->read_at(offset, std::span(magic).first(static_cast<std::size_t>(
                                           std::min<std::uint64_t>(magic.size(), end - offset)))));
            const Compression compression = recognise(magic);
            if (compression == Compression::none) {
                offset = TRY(take_archive(input, offset, end, outer_compression));
            } else if (compression != Compression::unknown && outer_compression == "none") {
                offset = TRY(unpack(*input, offset, end, compression));
            } else {
                return base::Error::data(fmt::format("no archive that we can read at {} of {}",
                                                     offset - start, end - start));
            }
        }
    }

    Ramdisk ramdisk;

  private:
    base::Result<std::uint64_t> take_archive(const std::shared_ptr<const Input>& input,
                                             std::uint64_t offset, std::uint64_t end,
                                             std::string_view compression) {
        NewcArchive archive =
            TRY(parse_newc(offset, end, [&input](std::uint64_t at, std::span<std::byte> to) {
                return input->read_at(at, to);
            }));
        for (NewcMember& member : archive.members) {
            ramdisk.members.push_back({std::move(member), ramdisk.compression.size(), input});
        }
        ramdisk.compression.push_back(compression);
        return archive.end_offset;
    }

    base::Result<std::uint64_t> unpack(const Input& input, std::uint64_t offset, std::uint64_t end,
                                       Compression compression) {
        auto spool = std::make_shared<Input>();
        spool->name = fmt::format("{}, unpacked", input.name);
        spool->fd = TRY(make_spool());
        const Decompressed result = TRY(decompress(input, offset, end, compression, spool->fd.get(),
                                                   kMaximumUnpackedBytes - unpacked_bytes_));
        unpacked_bytes_ += result.produced_bytes;
        spool->size = result.produced_bytes;
        TRY(run(spool, 0, spool->size, compression == Compression::gzip ? "gzip" : "zstd"));
        return offset + result.consumed_bytes;
    }

    std::uint64_t unpacked_bytes_ = 0;
};

}  // namespace

base::Result<Ramdisk> read_ramdisk(std::shared_ptr<const Input> input, std::uint64_t offset,
                                   std::uint64_t size) {
    Walk walk;
    TRY(walk.run(input, offset, offset + size, "none"));
    return std::move(walk.ramdisk);
}

}  // namespace eif
