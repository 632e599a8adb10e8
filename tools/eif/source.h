// What an archive can be made from: a folder, a tar stream, an OCI image layout.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "crypto/digest.h"
#include "tree.h"

namespace eif {

// Where contents lie until the archive is written: one file with everything, or a folder.
struct Origin {
    std::string name;
    base::Fd fd;
    bool is_folder = false;
};

struct Gathering {
    Tree tree;
    std::vector<Origin> origins;
    std::optional<std::uint32_t> spool;  // index of the origin that holds copied contents
    std::uint64_t spool_bytes = 0;
    std::vector<std::string> warnings;
    // A file that must not be gathered: the archive under way.
    std::optional<std::pair<dev_t, ino_t>> output;
};

struct FolderOptions {
    bool keep_owner = false;
};

base::Result<void> gather_folder(Gathering& gathering, const std::string& path,
                                 const FolderOptions& options);

// One entry of a tar stream, in its order: a node, or a hard link when `link_target` is set.
struct TarEntry {
    std::string name;
    Node node;
    std::optional<std::string> link_target;
};
using TarSink = std::function<base::Result<void>(TarEntry)>;

// A tar file or stream ("-"), also compressed.
base::Result<void> gather_tar(Gathering& gathering, const std::string& path);

// Reads tar from a descriptor; contents are copied to the spool unless `in_place`, which asks
// for an uncompressed regular file whose origin is `origin`. `digest` sees every byte read.
struct TarInput {
    int fd;
    std::string name;
    std::optional<std::uint32_t> in_place_origin;
    crypto::Digest* digest = nullptr;
};
base::Result<void> read_tar(Gathering& gathering, const TarInput& input, const TarSink& sink);

// `reference` is PATH or PATH:TAG; `architecture` in OCI's words (amd64, arm64).
base::Result<void> gather_oci(Gathering& gathering, const std::string& reference,
                              const std::string& architecture);

// The one unlinked file for copied contents, made when first asked for.
base::Result<std::uint32_t> spool_of(Gathering& gathering);

// An Error with the reason and the way out when a file is too large for the format.
base::Result<void> check_file_size(const std::string& name, std::uint64_t size);

}  // namespace eif
