// Requests to the NSM and its replies, in CBOR. Pure: the ioctl is in exchange.h.
//
//   request      {"NAME": {fields}}, or the text "NAME" when there are no fields
//   reply        {"NAME": {fields}}, or the text "NAME" for the locks
//   failure      {"Error": "REASON"}
//
//   NAME         request fields                        reply fields
//   DescribeNSM                                        version_major, version_minor,
//                                                      version_patch, module_id, max_pcrs,
//                                                      locked_pcrs, digest
//   GetRandom                                          random
//   DescribePCR  index                                 lock, data
//   ExtendPCR    index, data                           data
//   LockPCR      index
//   LockPCRs     range
//   Attestation  user_data, nonce, public_key          document
//                (bytes or null each)
//
// The device's interface is defined by the Linux driver (include/uapi/linux/nsm.h) and Amazon's
// NSM API. Decoders are total; unknown fields of a reply are skipped, missing ones are not.
#pragma once

#include "nsm/nsm.h"

namespace nsm::protocol {

inline constexpr std::size_t kMaximumRequestBytes = 0x1000;
inline constexpr std::size_t kMaximumReplyBytes = 0x3000;

using Bytes = std::vector<std::byte>;

Bytes encode_describe();
Bytes encode_random();
Bytes encode_describe_pcr(std::uint16_t index);
// Data too long for a request is an Error (usage).
base::Result<Bytes> encode_extend_pcr(std::uint16_t index, std::span<const std::byte> data);
Bytes encode_lock_pcr(std::uint16_t index);
Bytes encode_lock_pcrs(std::uint16_t range);
// A field over its limit (nsm.h) is an Error (usage) that names it.
base::Result<Bytes> encode_attest(const AttestationRequest& request);

// A reply that is malformed, or one to another request, is an Error (protocol); one that says
// "Error" is an Error whose code follows from the reason.
base::Result<Description> decode_describe(std::span<const std::byte> reply);
base::Result<Bytes> decode_random(std::span<const std::byte> reply);
base::Result<Register> decode_describe_pcr(std::span<const std::byte> reply);
base::Result<Bytes> decode_extend_pcr(std::span<const std::byte> reply);
base::Result<void> decode_lock_pcr(std::span<const std::byte> reply);
base::Result<void> decode_lock_pcrs(std::span<const std::byte> reply);
base::Result<Bytes> decode_attest(std::span<const std::byte> reply);

}  // namespace nsm::protocol
