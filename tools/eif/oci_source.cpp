// Gathering an image in OCI image layout (image-spec: image-layout.md, layer.md): the manifest
// that the tag or the architecture picks, its layers in order, whiteouts applied, every blob held
// against its digest.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "codec/json.h"
#include "source.h"

namespace eif {

namespace {

using codec::json::Value;

constexpr std::size_t kMaximumDocumentBytes = 4 << 20;  // the limit registries have
constexpr std::size_t kMaximumNesting = 4;              // of indexes in indexes
constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";

struct Descriptor {
    std::string media_type;
    std::string algorithm;
    std::string hex;
    std::uint64_t size = 0;
};

std::string_view text_at(const Value& object, std::string_view key) {
    const Value* value = object.find(key);
    return value == nullptr ? std::string_view() : value->as_text().value_or("");
}

base::Result<Descriptor> parse_descriptor(const Value& object) {
    const std::string_view digest = text_at(object, "digest");
    const std::size_t colon = std::min(digest.find(':'), digest.size());
    Descriptor descriptor;
    descriptor.media_type = text_at(object, "mediaType");
    descriptor.algorithm = digest.substr(0, colon);
    descriptor.hex = colon < digest.size() ? digest.substr(colon + 1) : "";
    const std::size_t digits = descriptor.algorithm == "sha256"   ? 64
                               : descriptor.algorithm == "sha512" ? 128
                                                                  : 0;
    // The digest becomes a file name: nothing but digits may stand in it.
    if (digits == 0 || descriptor.hex.size() != digits || !base::from_hex(descriptor.hex).ok()) {
        return base::Error::data(fmt::format("unusable digest {}", base::quote(digest)));
    }
    const Value* size = object.find("size");
    if (size == nullptr || size->as_integer().value_or(-1) < 0) {
        return base::Error::data(fmt::format("{} has no size", digest));
    }
    descriptor.size = static_cast<std::uint64_t>(*size->as_integer());
    return descriptor;
}

crypto::HashAlgorithm algorithm_of(const Descriptor& descriptor) {
    return descriptor.algorithm == "sha512" ? crypto::HashAlgorithm::sha512
                                            : crypto::HashAlgorithm::sha256;
}

base::Result<void> check_digest(const Descriptor& descriptor, crypto::Digest& digest) {
    if (base::to_hex(TRY(digest.finish())) == descriptor.hex) return {};
    return base::Error::data(
        fmt::format("blob {}:{} does not have that digest", descriptor.algorithm, descriptor.hex));
}

class Layout {
  public:
    Layout(Gathering& gathering, std::string path, std::string tag, std::string architecture)
        : gathering_(gathering),
          path_(std::move(path)),
          tag_(std::move(tag)),
          architecture_(std::move(architecture)) {}

    base::Result<void> gather() {
        const Value index = TRY(read_json(fmt::format("{}/index.json", path_)));
        const Value manifest = TRY(pick_manifest(index, true, 0));
        const Value* layers = manifest.find("layers");
        if (layers == nullptr || layers->as_array() == nullptr) {
            return base::Error::data("the manifest has no layers");
        }
        for (const Value& layer : *layers->as_array()) {
            const Descriptor descriptor = TRY(parse_descriptor(layer));
            TRY(apply(descriptor));
        }
        return {};
    }

  private:
    base::Result<Value> read_json(const std::string& path) {
        const std::string text = TRY(base::read_file(path, kMaximumDocumentBytes));
        base::Result<Value> value = codec::json::parse(text, {.maximum_bytes = text.size()});
        if (!value.ok()) return std::move(value).error().at(base::escape(path));
        return value;
    }

    std::string blob_path(const Descriptor& descriptor) const {
        return fmt::format("{}/blobs/{}/{}", path_, descriptor.algorithm, descriptor.hex);
    }

    base::Result<Value> read_json_blob(const Descriptor& descriptor) {
        const std::string path = blob_path(descriptor);
        const std::string text = TRY(base::read_file(path, kMaximumDocumentBytes));
        crypto::Digest digest = TRY(crypto::Digest::create(algorithm_of(descriptor)));
        TRY(digest.update(base::as_bytes(text)));
        TRY(check_digest(descriptor, digest));
        base::Result<Value> value = codec::json::parse(text, {.maximum_bytes = text.size()});
        if (!value.ok()) return std::move(value).error().at(base::escape(path));
        return value;
    }

    bool fits(const Value& entry, bool by_tag) const {
        if (by_tag && !tag_.empty()) {
            const Value* notes = entry.find("annotations");
            return notes != nullptr && text_at(*notes, "org.opencontainers.image.ref.name") == tag_;
        }
        const Value* platform = entry.find("platform");
        if (platform == nullptr) return true;
        return text_at(*platform, "os") == "linux" &&
               text_at(*platform, "architecture") == architecture_;
    }

    // The image manifest that an index leads to, through nested indexes.
    base::Result<Value> pick_manifest(const Value& index, bool by_tag, std::size_t depth) {
        if (depth == kMaximumNesting) return base::Error::data("indexes nested too deeply");
        const Value* manifests = index.find("manifests");
        if (manifests == nullptr || manifests->as_array() == nullptr) {
            return base::Error::data("the index has no manifests");
        }
        std::vector<const Value*> fitting;
        for (const Value& entry : *manifests->as_array()) {
            if (fits(entry, by_tag)) fitting.push_back(&entry);
        }
        if (fitting.size() != 1) {
            return base::Error::data(fmt::format("{} images fit {}", fitting.size(),
                                                 by_tag && !tag_.empty()
                                                     ? "tag " + base::quote(tag_)
                                                     : "linux/" + architecture_))
                .with_hint("name one: oci:PATH:TAG");
        }
        const Descriptor descriptor = TRY(parse_descriptor(*fitting[0]));
        Value document = TRY(read_json_blob(descriptor));
        if (document.find("layers") != nullptr) return document;
        return pick_manifest(document, false, depth + 1);
    }

    // Whiteouts hide what lower layers have, never what their own layer brings, wherever in the
    // layer they stand: so they are applied before its files.
    base::Result<void> apply(const Descriptor& layer) {
        const std::string path = blob_path(layer);
        const base::Fd fd = TRY(base::open_file(path, O_RDONLY));
        crypto::Digest digest = TRY(crypto::Digest::create(algorithm_of(layer)));
        std::vector<TarEntry> entries;
        const TarInput input{fd.get(), path, std::nullopt, &digest};
        TRY(read_tar(gathering_, input, [this, &entries](TarEntry entry) -> base::Result<void> {
            const std::size_t slash = entry.name.rfind('/');
            const std::size_t base_start = slash == std::string::npos ? 0 : slash + 1;
            const std::string name = entry.name.substr(base_start);
            const std::string folder =
                slash == std::string::npos ? "" : entry.name.substr(0, slash);
            if (name == kOpaque) return gathering_.tree.remove_children(folder);
            if (!name.starts_with(kWhiteout)) {
                entries.push_back(std::move(entry));
                return {};
            }
            const std::string hidden = name.substr(kWhiteout.size());
            if (hidden.starts_with(kWhiteout)) return {};  // other marks of aufs
            if (hidden.empty() || hidden == "." || hidden == "..") {
                return base::Error::data(fmt::format("bad whiteout {}", base::quote(entry.name)));
            }
            return gathering_.tree.remove(folder.empty() ? hidden
                                                         : fmt::format("{}/{}", folder, hidden));
        }));
        TRY(check_digest(layer, digest));
        for (TarEntry& entry : entries) {
            if (entry.link_target) {
                TRY(gathering_.tree.add_hard_link(entry.name, *entry.link_target));
            } else {
                TRY(gathering_.tree.add(entry.name, std::move(entry.node),
                                        FolderOverLink::replace));
            }
        }
        return {};
    }

    Gathering& gathering_;
    std::string path_;
    std::string tag_;
    std::string architecture_;
};

}  // namespace

base::Result<void> gather_oci(Gathering& gathering, const std::string& reference,
                              const std::string& architecture) {
    std::string path = reference;
    std::string tag;
    struct stat status {};
    const std::size_t colon = reference.rfind(':');
    if (::stat(path.c_str(), &status) != 0 && colon != std::string::npos) {
        path = reference.substr(0, colon);
        tag = reference.substr(colon + 1);
    }
    base::Result<void> gathered = Layout(gathering, path, tag, architecture).gather();
    if (gathered.ok()) return gathered;
    return std::move(gathered).error().at(fmt::format("oci:{}", base::escape(reference)));
}

}  // namespace eif
