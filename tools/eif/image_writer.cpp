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
// An image of this size goes past the page cache where the file system can do that: it saves a
// copy and does not push out what others need. Smaller ones are likely to be booted from there.
constexpr std::uint64_t kDirectBytes = 256ULL << 20;

base::Result<void> read_piece(const Piece& piece, std::uint64_t done, std::span<std::byte> to) {
    if (piece.input) return piece.input->read_at(piece.offset + done, to);
    std::memcpy(to.data(), piece.content.data() + done, to.size());
    return {};
}

// Writes in sequence; whole aligned blocks past the page cache, once told to.
class Output {
  public:
    Output(int fd, std::string_view name) : fd_(fd), name_(name) {}

    bool exists() const { return fd_ >= 0; }
    void go_direct() { may_direct_ = true; }

    base::Result<void> write(std::span<const std::byte> bytes, std::uint64_t position) {
        const std::uint64_t end = position + bytes.size();
        const bool whole = bytes.size() == HashTeam::kBlockBytes && position % bytes.size() == 0;
        if (set_direct(may_direct_ && whole)) {
            const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
            // What a direct write cannot do the plain one can, or it says why not.
            bytes = bytes.subspan(count < 0 ? 0 : static_cast<std::size_t>(count));
            if (bytes.empty()) return {};
            may_direct_ = false;
            (void)set_direct(false);
        }
        TRY(base::write_all(fd_, bytes, name_));
        write_back(end);
        return {};
    }

    // Before anything else writes to the file.
    void finish() { (void)set_direct(false); }

  private:
    // True when the next write goes past the page cache.
    bool set_direct(bool direct) {
        if (direct == direct_) return direct_;
        const int flags = ::fcntl(fd_, F_GETFL);
        const int wanted = direct ? flags | O_DIRECT : flags & ~O_DIRECT;
        if (flags >= 0 && ::fcntl(fd_, F_SETFL, wanted) == 0)
            direct_ = direct;
        else
            may_direct_ = false;
        return direct_;
    }

    void write_back(std::uint64_t position) {
        if (position - written_back_ < kWriteBackBytes) return;
        // A hint; where it fails (a pipe), the data goes out all the same.
        (void)::sync_file_range(fd_, static_cast<off_t>(written_back_),
                                static_cast<off_t>(position - written_back_),
                                SYNC_FILE_RANGE_WRITE);
        written_back_ = position;
    }

    int fd_;
    std::string_view name_;
    bool may_direct_ = false;
    bool direct_ = false;
    std::uint64_t written_back_ = 0;
};

// One pass over pieces. Does what it has the means for: hash, write, both.
class Pass {
  public:
    Pass(HashTeam& team, base::Progress& progress, Output& output)
        : team_(team), progress_(progress), output_(output) {}

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
        if (output_.exists()) TRY(output_.write(bytes, position()));
        crc_.update(bytes);
        return {};
    }

    HashTeam& team_;
    base::Progress& progress_;
    Output& output_;
    Crc32 crc_;
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
base::Result<Body> write_body(Recipe& recipe, const Signer* signer, Output& output) {
    base::Progress progress(output.exists() ? "writing" : "measuring", total_size(recipe));
    HashTeam team;
    TRY(team.start());
    Pass pass(team, progress, output);
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
    Output destination(output.fd(), output.path());
    if (total_size(recipe) >= kDirectBytes) destination.go_direct();
    const Body body = TRY(write_body(recipe, signer, destination));
    destination.finish();
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
    Output nowhere(-1, "");
    const Body first = TRY(write_body(recipe, signer, nowhere));
    TRY(base::write_all(output.fd(), make_header(recipe, first.crc), output.path()));
    Output stream(output.fd(), output.path());
    const Body second = TRY(write_body(recipe, nullptr, stream));
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
