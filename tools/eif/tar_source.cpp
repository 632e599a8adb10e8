// Gathering tar streams with libarchive, which knows all the dialects and compressions.
//
// Contents have to wait until all names are known and sorted: those of an uncompressed tar file
// stay in it, others are copied to a temporary file.
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>
#include <unistd.h>

#include <limits>
#include <memory>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "input.h"
#include "newc.h"
#include "source.h"

namespace eif {

namespace {

constexpr std::size_t kReadBytes = 256 * 1024;

struct FreeArchive {
    void operator()(archive* handle) const { ::archive_read_free(handle); }
};
using Archive = std::unique_ptr<archive, FreeArchive>;

// Names in pax headers are UTF-8; without such a locale libarchive would not give them out.
class Utf8Locale {
  public:
    Utf8Locale() : own_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
        if (own_ != nullptr) before_ = ::uselocale(own_);
    }
    Utf8Locale(const Utf8Locale&) = delete;
    Utf8Locale& operator=(const Utf8Locale&) = delete;
    ~Utf8Locale() {
        if (own_ == nullptr) return;
        ::uselocale(before_);
        ::freelocale(own_);
    }

  private:
    locale_t own_;
    locale_t before_ = nullptr;
};

// libarchive's view of the input.
struct Reader {
    int fd;
    crypto::Digest* digest;
    std::vector<std::byte> buffer = std::vector<std::byte>(kReadBytes);
    std::optional<base::Error> failure;

    base::Result<std::size_t> fill() {
        const std::size_t count = TRY(base::read_full(fd, buffer, ""));
        if (digest != nullptr) TRY(digest->update(std::span(buffer).first(count)));
        return count;
    }
};

la_ssize_t read_block(archive* handle, void* data, const void** block) noexcept {
    Reader& reader = *static_cast<Reader*>(data);
    base::Result<std::size_t> count = reader.fill();
    if (!count.ok()) {
        ::archive_set_error(handle, EIO, "%s", count.error().message.c_str());
        return ARCHIVE_FATAL;
    }
    *block = reader.buffer.data();
    return static_cast<la_ssize_t>(count.value());
}

class TarReader {
  public:
    TarReader(Gathering& gathering, const TarInput& input, const TarSink& sink)
        : gathering_(gathering), input_(input), sink_(sink), reader_{input.fd, input.digest} {}

    base::Result<void> run() {
        if (archive_ == nullptr) return base::Error(base::ExitCode::os, "out of memory");
        ::archive_read_support_format_tar(archive_.get());
        ::archive_read_support_format_empty(archive_.get());
        // Only filters inside the library: the others would start programs.
        ::archive_read_support_filter_gzip(archive_.get());
        ::archive_read_support_filter_bzip2(archive_.get());
        ::archive_read_support_filter_xz(archive_.get());
        ::archive_read_support_filter_lzma(archive_.get());
        ::archive_read_support_filter_zstd(archive_.get());
        ::archive_read_support_filter_lz4(archive_.get());
        if (::archive_read_open(archive_.get(), &reader_, nullptr, read_block, nullptr) !=
            ARCHIVE_OK) {
            return failure();
        }
        while (true) {
            archive_entry* entry = nullptr;
            const int status = ::archive_read_next_header(archive_.get(), &entry);
            if (status == ARCHIVE_EOF) break;
            if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return failure();
            TRY(take(entry));
        }
        return drain();
    }

  private:
    base::Error failure() const {
        const char* reason = ::archive_error_string(archive_.get());
        return base::Error::data(fmt::format("cannot read {} as a tar archive: {}",
                                             base::quote(input_.name),
                                             reason == nullptr ? "unknown reason" : reason));
    }

    // A digest counts bytes behind the archive's end, too.
    base::Result<void> drain() {
        if (input_.digest == nullptr) return {};
        while (TRY(reader_.fill()) > 0) {
        }
        return {};
    }

    base::Result<void> take(archive_entry* entry) {
        const char* raw_name = ::archive_entry_pathname(entry);
        if (raw_name == nullptr) {
            return base::Error::data(
                fmt::format("a name in {} cannot be read", base::quote(input_.name)));
        }
        TarEntry taken;
        taken.name = TRY(normalise_name(raw_name));
        if (taken.name.empty()) return {};
        if (const char* target = ::archive_entry_hardlink(entry)) {
            taken.link_target = TRY(normalise_name(target));
            return sink_(std::move(taken));
        }
        taken.node = TRY(node_of(entry, taken.name));
        if (S_ISSOCK(taken.node.mode)) {
            gathering_.warnings.push_back(
                fmt::format("skipped the socket {}", base::quote(taken.name)));
            return {};
        }
        if (taken.node.is_file() && taken.node.size > 0) TRY(locate_content(entry, taken));
        return sink_(std::move(taken));
    }

    base::Result<Node> node_of(archive_entry* entry, const std::string& name) {
        const auto owner = [&](la_int64_t number) -> base::Result<std::uint32_t> {
            if (number < 0 || number > std::numeric_limits<std::uint32_t>::max()) {
                return base::Error::data(
                    fmt::format("owner {} of {} does not fit 32 bits", number, base::quote(name)));
            }
            return static_cast<std::uint32_t>(number);
        };
        Node node{.mode = ::archive_entry_mode(entry)};
        node.uid = TRY(owner(::archive_entry_uid(entry)));
        node.gid = TRY(owner(::archive_entry_gid(entry)));
        if (S_ISCHR(node.mode) || S_ISBLK(node.mode)) {
            node.node_major = static_cast<std::uint32_t>(::archive_entry_rdevmajor(entry));
            node.node_minor = static_cast<std::uint32_t>(::archive_entry_rdevminor(entry));
        }
        if (node.is_link()) {
            const char* target = ::archive_entry_symlink(entry);
            node.text = target == nullptr ? "" : target;
            node.size = node.text.size();
        }
        if (node.is_file()) {
            node.size = static_cast<std::uint64_t>(::archive_entry_size(entry));
            TRY(check_file_size(name, node.size));
        }
        if ((node.mode & S_IFMT) == 0) {
            return base::Error::data(fmt::format("{} has no file type", base::quote(name)));
        }
        warn_of_capability(entry, name);
        return node;
    }

    void warn_of_capability(archive_entry* entry, const std::string& name) {
        ::archive_entry_xattr_reset(entry);
        const char* attribute = nullptr;
        const void* value = nullptr;
        std::size_t size = 0;
        while (::archive_entry_xattr_next(entry, &attribute, &value, &size) == ARCHIVE_OK) {
            if (std::string_view(attribute) != "security.capability") continue;
            gathering_.warnings.push_back(fmt::format(
                "{} loses its file capabilities, archives cannot hold them", base::quote(name)));
        }
    }

    base::Result<void> locate_content(archive_entry* entry, TarEntry& taken) {
        const bool plain = ::archive_filter_code(archive_.get(), 0) == ARCHIVE_FILTER_NONE;
        if (input_.in_place_origin && plain && ::archive_entry_sparse_count(entry) == 0) {
            // Behind the entry's header blocks: where its content starts.
            taken.node.origin = *input_.in_place_origin;
            taken.node.offset =
                static_cast<std::uint64_t>(::archive_filter_bytes(archive_.get(), 0));
            return {};
        }
        const std::uint32_t spool = TRY(spool_of(gathering_));
        taken.node.origin = spool;
        taken.node.offset = gathering_.spool_bytes;
        std::uint64_t copied = 0;
        while (true) {
            const la_ssize_t count =
                ::archive_read_data(archive_.get(), buffer_.data(), buffer_.size());
            if (count < 0) return failure();
            if (count == 0) break;
            const auto block = std::span(buffer_).first(static_cast<std::size_t>(count));
            TRY(base::write_all(gathering_.origins[spool].fd.get(), block, "a temporary file"));
            copied += block.size();
        }
        gathering_.spool_bytes += copied;
        if (copied != taken.node.size) {
            return base::Error::data(fmt::format("{} has {} bytes in {}, {} were announced",
                                                 base::quote(taken.name), copied,
                                                 base::quote(input_.name), taken.node.size));
        }
        return {};
    }

    Gathering& gathering_;
    const TarInput& input_;
    const TarSink& sink_;
    Utf8Locale locale_;
    Reader reader_;
    Archive archive_{::archive_read_new()};
    std::vector<std::byte> buffer_ = std::vector<std::byte>(kReadBytes);
};

}  // namespace

base::Result<void> read_tar(Gathering& gathering, const TarInput& input, const TarSink& sink) {
    return TarReader(gathering, input, sink).run();
}

base::Result<void> gather_tar(Gathering& gathering, const std::string& path) {
    const std::string name = path == "-" ? "standard input" : path;
    base::Fd fd =
        path == "-" ? TRY(base::duplicate(STDIN_FILENO)) : TRY(base::open_file(path, O_RDONLY));
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return base::Error::system("read", name);
    if (gathering.output == std::pair(status.st_dev, status.st_ino)) {
        return base::Error::usage(fmt::format("{} is both input and output", base::quote(name)),
                                  "write to another name");
    }
    TarInput input{fd.get(), name, std::nullopt, nullptr};
    base::Fd reading;
    if (S_ISREG(status.st_mode) && path != "-") {
        reading = TRY(base::open_file(path, O_RDONLY));
        input.fd = reading.get();
        input.in_place_origin = static_cast<std::uint32_t>(gathering.origins.size());
        gathering.origins.push_back(Origin{name, std::move(fd), false});
    }
    return read_tar(gathering, input, [&](TarEntry entry) -> base::Result<void> {
        if (entry.link_target) return gathering.tree.add_hard_link(entry.name, *entry.link_target);
        return gathering.tree.add(entry.name, std::move(entry.node));
    });
}

}  // namespace eif
