// The folder that 'eif extract' writes and 'eif build --from' reads: one file per section, and
// eif.json with the header's fields and the order of the files.
//
//   {"Version": 4, "Flags": 0, "DefaultMemory": bytes, "DefaultCpus": n,
//    "Sections": [{"Type": "kernel", "File": "kernel"}, ...]}
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "format.h"
#include "image_writer.h"

namespace eif {

inline constexpr const char* kManifestName = "eif.json";

// File names for the sections of an image: kernel, cmdline, metadata.json, ramdisk0 and up,
// signature.cbor.
std::vector<std::string> file_names(const Image& image);

std::string make_manifest(const Image& image);

// Opens every file it names. A name that is not a plain one in that folder is an Error (data).
base::Result<Recipe> read_manifest(const std::string& folder);

}  // namespace eif
