// The writing pass. The header's CRC covers all that follows, so it is put in last.
#include "image_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/file.h"
#include "base/format.h"
#include "base/progress.h"
#include "base/text.h"
#include "crc32.h"
#include "hash_team.h"

namespace eif {

namespace {

// Writing back early keeps the final fsync short.
constexpr std::uint64_t kWriteBackBytes = 32ULL << 20;

base::Result<void> read_piece(const Piece& piece, std::uint64_t done, std::span<std::byte> to) {
    if (piece.input) return piece.input->read_at(piece.offset + done, to);
    std::memcpy(to.data(), piece.content.data() + done, to.size());
    return {};
}

// One pass over pieces. Does what it has the means for: hash, write, both.
class Pass {
  public:
    Pass(HashTeam& team, base::Progress& progress, int output, std::string_view output_name)
        : team_(team), progress_(progress), output_(output), output_name_(output_name) {}

    base::Result<void> run(const Piece& piece) {
        TRY(put(encode_section_header(piece.type, piece.size)));
        for (std::uint64_t done = 0; done < piece.size;) {
            const std::span<std::byte> room = team_.buffer();
            // Blocks that lie aligned in the output let the kernel use large pages for them.
            const std::size_t most =
                room.size() - static_cast<std::size_t>(position() % room.size());
            const std::span<std::byte> block = room.first(
                static_cast<std::size_t>(std::min<std::uint64_t>(most, piece.size - done)));
            TRY(read_piece(piece, done, block));
            TRY(put(block));
            team_.submit(piece.type, block.size());
            done += block.size();
            progress_.advance(block.size());
        }
        team_.end_section(piece.type);
        return {};
    }

    const Crc32& crc() const { return crc_; }

  private:
    std::uint64_t position() const { return kHeaderSize + crc_.size(); }

    base::Result<void> put(std::span<const std::byte> bytes) {
        if (output_ >= 0) TRY(base::write_all(output_, bytes, output_name_));
        crc_.update(bytes);
        if (output_ >= 0 && position() - written_back_ >= kWriteBackBytes) {
            // A hint; where it fails (a pipe), the data goes out all the same.
            (void)::sync_file_range(output_, static_cast<off_t>(written_back_),
                                    static_cast<off_t>(position() - written_back_),
                                    SYNC_FILE_RANGE_WRITE);
            written_back_ = position();
        }
        return {};
    }

    HashTeam& team_;
    base::Progress& progress_;
    int output_;
    std::string_view output_name_;
    Crc32 crc_;
    std::uint64_t written_back_ = 0;
};

struct Body {
    Measurements measurements;
    Crc32 crc;
};

std::uint64_t total_size(const Recipe& recipe) {
    std::uint64_t total = 0;
    for (const Piece& piece : recipe.pieces)
        total += piece.size + kSectionHeaderSize;
    return total;
}

// Everything behind the header. A signature made on the way is added to the recipe.
base::Result<Body> write_body(Recipe& recipe, const Signer* signer, int output,
                              std::string_view output_name) {
    base::Progress progress(output >= 0 ? "writing" : "measuring", total_size(recipe));
    HashTeam team;
    TRY(team.start());
    Pass pass(team, progress, output, output_name);
    for (const Piece& piece : recipe.pieces)
        TRY(pass.run(piece));
    Body body;
    body.measurements = TRY(team.finish());
    if (signer != nullptr) {
        const auto section = TRY(make_signature_section(*signer, body.measurements.pcr0));
        recipe.pieces.push_back(
            piece_of(SectionType::signature, std::string(base::as_text(section))));
        TRY(pass.run(recipe.pieces.back()));
    }
    for (const Piece& piece : recipe.pieces) {
        if (piece.type != SectionType::signature) continue;
        std::string content(piece.size, '\0');
        TRY(read_piece(piece, 0, std::as_writable_bytes(std::span(content))));
        const auto parsed = TRY(parse_signature_section(base::as_bytes(content)));
        body.measurements.pcr8 = TRY(check_signature(parsed, body.measurements.pcr0)).pcr8;
    }
    body.crc = pass.crc();
    return body;
}

HeaderBytes make_header(const Recipe& recipe, const Crc32& body_crc) {
    Header header = recipe.header;
    std::vector<Section> sections;
    for (const Piece& piece : recipe.pieces)
        sections.push_back({piece.type, 0, piece.size});
    fill_tables(header, sections);
    HeaderBytes bytes = encode(header);
    Crc32 crc;
    crc.update(std::span(bytes).first(kCrcOffset));
    crc.append(body_crc);
    header.crc32 = crc.value();
    return encode(header);
}

base::Result<Measurements> write_to_file(Recipe& recipe, const Signer* signer,
                                         base::OutputFile output) {
    const off_t expected = static_cast<off_t>(kHeaderSize + total_size(recipe));
    // A disk that is too small is found out now, not after gigabytes.
    if (::fallocate(output.fd(), FALLOC_FL_KEEP_SIZE, 0, expected) != 0 && errno == ENOSPC) {
        return base::Error::system("write", output.path());
    }
    TRY(base::write_all(output.fd(), HeaderBytes{}, output.path()));
    const Body body = TRY(write_body(recipe, signer, output.fd(), output.path()));
    const HeaderBytes header = make_header(recipe, body.crc);
    if (::pwrite(output.fd(), header.data(), header.size(), 0) !=
        static_cast<ssize_t>(header.size())) {
        return base::Error::system("write", output.path());
    }
    TRY(output.commit());
    return body.measurements;
}

base::Result<Measurements> write_to_stream(Recipe& recipe, const Signer* signer,
                                           base::OutputFile output) {
    const Body first = TRY(write_body(recipe, signer, -1, ""));
    TRY(base::write_all(output.fd(), make_header(recipe, first.crc), output.path()));
    const Body second = TRY(write_body(recipe, nullptr, output.fd(), output.path()));
    if (second.crc.value() != first.crc.value()) {
        return base::Error(base::ExitCode::temporary, "an input changed while it was read");
    }
    TRY(output.commit());
    return second.measurements;
}

}  // namespace

Piece piece_of(SectionType type, std::shared_ptr<const Input> input) {
    const std::uint64_t size = input->size;
    return Piece{type, std::move(input), 0, size, {}};
}

Piece piece_of(SectionType type, std::string content) {
    const std::uint64_t size = content.size();
    return Piece{type, nullptr, 0, size, std::move(content)};
}

base::Result<Measurements> write_image(Recipe recipe, const Signer* signer,
                                       const std::string& output_path, unsigned mode) {
    if (signer != nullptr) {
        std::erase_if(recipe.pieces,
                      [](const Piece& piece) { return piece.type == SectionType::signature; });
        // Version 2 has no signatures.
        recipe.header.version = std::max<std::uint16_t>(recipe.header.version, 3);
    }
    const std::size_t sections = recipe.pieces.size() + (signer != nullptr ? 1 : 0);
    if (sections > kMaximumSections) {
        return base::Error::usage(
            fmt::format("{} sections, an image holds {}", sections, kMaximumSections),
            "join ramdisks with cat");
    }
    base::OutputFile output = TRY(base::OutputFile::create(output_path, mode));
    // Pipes and devices cannot be gone back in, and a redirected file may start anywhere.
    struct stat status {};
    if (::fstat(output.fd(), &status) != 0) return base::Error::system("write", output_path);
    if (output.is_stdout() || !S_ISREG(status.st_mode)) {
        return write_to_stream(recipe, signer, std::move(output));
    }
    return write_to_file(recipe, signer, std::move(output));
}

}  // namespace eif
