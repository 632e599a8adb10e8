// The order of writing is the order of names, so parents stand before children. The content of
// a file with several names goes with the last one, as GNU cpio does it.
#include "archive_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "base/file.h"
#include "base/format.h"
#include "base/progress.h"
#include "base/text.h"
#include "input.h"
#include "newc.h"

namespace eif {

namespace {

constexpr std::size_t kBlockBytes = 512;  // archives are padded to this, as by GNU cpio
constexpr std::size_t kCopyBytes = 256 * 1024;

class ArchiveWriter {
  public:
    ArchiveWriter(const Gathering& gathering, const ArchiveOptions& options, Compressor& to)
        : gathering_(gathering), options_(options), to_(to) {}

    base::Result<void> run() {
        count_links();
        base::Progress progress("archiving", content_bytes_);
        progress_ = &progress;
        for (std::size_t slash = options_.prefix.find('/'); slash != std::string::npos;
             slash = options_.prefix.find('/', slash + 1)) {
            TRY(put_folder(options_.prefix.substr(0, slash), 3));
        }
        if (!options_.prefix.empty()) TRY(put_folder(options_.prefix, 2 + top_folders_));
        for (const auto& [name, index] : gathering_.tree.names()) {
            const std::string full =
                options_.prefix.empty() ? name : fmt::format("{}/{}", options_.prefix, name);
            TRY(put_node(full, name, index));
        }
        return finish();
    }

  private:
    struct Uses {
        std::uint32_t link_count = 0;
        std::uint32_t names_left = 0;
        std::uint32_t inode = 0;
    };

    void count_links() {
        const Tree& tree = gathering_.tree;
        for (const auto& [name, index] : tree.names()) {
            Uses& uses = uses_[index];
            const Node& node = tree.node(index);
            if (!node.is_folder()) {
                ++uses.names_left;
                ++uses.link_count;
                if (uses.names_left == 1 && node.is_file()) content_bytes_ += node.size;
                continue;
            }
            uses.link_count += 2;
            const std::size_t slash = name.rfind('/');
            if (slash == std::string::npos) {
                ++top_folders_;
            } else {
                ++uses_[tree.names().at(name.substr(0, slash))].link_count;
            }
        }
    }

    base::Result<void> put(std::string_view text) {
        written_ += text.size();
        return to_.write(base::as_bytes(text));
    }

    base::Result<void> put_folder(const std::string& name, std::uint32_t link_count) {
        NewcFields fields;
        fields.inode = ++last_inode_;
        fields.mode = S_IFDIR | 0755;
        fields.link_count = link_count;
        fields.mtime = options_.mtime;
        return put(encode_member(fields, name));
    }

    base::Result<void> put_node(const std::string& full, const std::string& name,
                                std::uint32_t index) {
        if (full.size() > kMaximumNameBytes) {
            return base::Error::data(fmt::format("name {} is longer than {} bytes",
                                                 base::quote(full), kMaximumNameBytes));
        }
        if (full == kTrailer) {
            return base::Error::data(
                fmt::format("a file named {} would end the archive", kTrailer));
        }
        const Node& node = gathering_.tree.node(index);
        if (node.is_link() && node.size > kMaximumNameBytes) {
            return base::Error::data(fmt::format("the target of {} is longer than {} bytes",
                                                 base::quote(full), kMaximumNameBytes));
        }
        Uses& uses = uses_[index];
        if (uses.inode == 0) uses.inode = ++last_inode_;
        const bool last_name = node.is_folder() || --uses.names_left == 0;
        NewcFields fields;
        fields.inode = uses.inode;
        fields.mode = node.mode;
        fields.uid = node.uid;
        fields.gid = node.gid;
        fields.link_count = uses.link_count;
        fields.mtime = options_.mtime;
        // Links of one symbolic link repeat the target: unpackers read it with the header.
        const bool with_content = node.is_link() || (node.is_file() && last_name);
        fields.size = with_content ? static_cast<std::uint32_t>(node.size) : 0;
        fields.node_major = node.node_major;
        fields.node_minor = node.node_minor;
        TRY(put(encode_member(fields, full)));
        if (node.is_link()) TRY(put(node.text));
        if (node.is_file() && last_name) TRY(put_content(node, name));
        return put(std::string(padding_of(fields.size), '\0'));
    }

    base::Result<void> put_content(const Node& node, const std::string& name) {
        if (node.size == 0) return {};
        const Origin& origin = gathering_.origins[node.origin];
        int fd = origin.fd.get();
        base::Fd own;
        if (origin.is_folder) {
            own = base::Fd(
                ::openat(fd, node.text.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
            if (!own.valid()) {
                return base::Error::system("open", fmt::format("{}/{}", origin.name, node.text));
            }
            fd = own.get();
            struct stat status {};
            if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
                static_cast<std::uint64_t>(status.st_size) != node.size) {
                return changed(name);
            }
        }
        for (std::uint64_t done = 0; done < node.size;) {
            const auto block = std::span(buffer_).first(static_cast<std::size_t>(
                std::min<std::uint64_t>(buffer_.size(), node.size - done)));
            const ssize_t count =
                ::pread(fd, block.data(), block.size(), static_cast<off_t>(node.offset + done));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return base::Error::system("read", origin.name);
            if (count == 0) return changed(name);
            TRY(to_.write(block.first(static_cast<std::size_t>(count))));
            done += static_cast<std::uint64_t>(count);
            progress_->advance(static_cast<std::uint64_t>(count));
        }
        written_ += node.size;
        return {};
    }

    static base::Error changed(const std::string& name) {
        return base::Error(base::ExitCode::temporary,
                           fmt::format("{} changed while it was archived", base::quote(name)));
    }

    base::Result<void> finish() {
        NewcFields fields;
        fields.link_count = 1;
        TRY(put(encode_member(fields, kTrailer)));
        const std::size_t rest = static_cast<std::size_t>(written_ % kBlockBytes);
        if (rest != 0) TRY(put(std::string(kBlockBytes - rest, '\0')));
        return to_.finish();
    }

    const Gathering& gathering_;
    const ArchiveOptions& options_;
    Compressor& to_;
    base::Progress* progress_ = nullptr;
    std::map<std::uint32_t, Uses> uses_;
    std::uint32_t top_folders_ = 0;
    std::uint64_t content_bytes_ = 0;
    std::uint32_t last_inode_ = 0;
    std::uint64_t written_ = 0;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(kCopyBytes);
};

}  // namespace

base::Result<void> write_archive(const Gathering& gathering, const ArchiveOptions& options,
                                 Compressor& to) {
    return ArchiveWriter(gathering, options, to).run();
}

}  // namespace eif
