// The time in an attestation document: a walk over its CBOR that needs no library, so that PID 1
// can have it. Nothing else of the document is looked at, and no signature is checked: who asks
// the module behind /dev/nsm trusts that device, and a document from elsewhere is for verifiers.
//
//   reply        {"Attestation": {"document": bytes}}
//   document     [protected, {}, payload, signature], perhaps tagged 18
//   payload      {"timestamp": milliseconds since 1970, ...}
#pragma once

#include <chrono>
#include <cstddef>
#include <span>

#include "base/result.h"

namespace nsm {

// Times outside of this were never told by a module: 2020-01-01 and 2100-01-01.
inline constexpr std::chrono::milliseconds kEarliestTime{1'577'836'800'000};
inline constexpr std::chrono::milliseconds kLatestTime{4'102'444'800'000};

// The request for a document into which nothing is put.
std::span<const std::byte> plain_attestation_request();

// The document in a reply to it; borrows from the reply. What the module refused, or what is no
// such reply, is an Error (protocol).
base::Result<std::span<const std::byte>> reply_document(std::span<const std::byte> reply);

// The document's timestamp, since 1970. A document that is malformed, says it twice or not at
// all, or says a time that cannot be, is an Error (protocol).
base::Result<std::chrono::milliseconds> document_time(std::span<const std::byte> document);

}  // namespace nsm
