// The first exchange of a connection: versions, and evidence bound to this very channel. Pure.
// Page: pipeline-wire(5).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "proto/pipeline.h"

namespace pipeline {

inline constexpr std::string_view kExporterLabel = "EXPORTER-enclavebox-pipeline";

// What the enclave's module is to put into user_data, 64 bytes: SHA-512 over
//
//   "enclavebox pipeline evidence 1\n", the client's nonce (32 bytes), the exporter of the TLS
//   connection (32 bytes), SHA-256 of the server's SubjectPublicKeyInfo (32 bytes)
//
// A document with it was made for this client, in this connection, by the holder of the server's
// key. Somebody in the middle has another exporter on each side.
base::Result<std::vector<std::byte>> evidence_binding(std::span<const std::byte> nonce,
                                                      std::span<const std::byte> exporter,
                                                      std::span<const std::byte> server_key);

struct Hello {
    std::vector<std::byte> nonce;
    std::string software;
};
struct Welcome {
    std::vector<std::byte> document;
    std::string software;
};

proto::pipeline::Payload encode(const Hello& hello);
proto::pipeline::Payload encode(const Welcome& welcome);
// Errors (protocol): the two sides' versions do not meet, or a field is missing or wrong.
base::Result<Hello> decode_hello(const proto::pipeline::Fields& fields);
base::Result<Welcome> decode_welcome(const proto::pipeline::Fields& fields);

}  // namespace pipeline
