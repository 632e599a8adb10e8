// The roots that evidence may be pinned to.
#pragma once

#include <string_view>

#include "base/result.h"
#include "crypto/chain.h"

namespace attest {

// AWS Nitro Enclaves root G1 (CN=aws.nitro-enclaves), as Amazon publishes it:
// https://aws-nitro-enclaves.amazonaws.com/AWS_NitroEnclaves_Root-G1.zip
inline constexpr std::string_view kAwsNitroRootFingerprint =  // SHA-256 of the DER
    "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b";

base::Result<crypto::Link> aws_nitro_root();

// A root of somebody's own, PEM or DER. One that could not be the root of any document (another
// curve, no authority) is an Error (data); `name` is for its message.
base::Result<crypto::Link> read_root(std::string_view content, std::string_view name);

}  // namespace attest
