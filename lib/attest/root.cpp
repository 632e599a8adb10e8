// The vendor's root, and roots from files.
#include "attest/root.h"

#include "base/format.h"
#include "base/text.h"

namespace attest {

namespace {

constexpr std::string_view kAwsNitroRoot =
    "-----BEGIN CERTIFICATE-----\n"
    "MIICETCCAZagAwIBAgIRAPkxdWgbkK/hHUbMtOTn+FYwCgYIKoZIzj0EAwMwSTEL\n"
    "MAkGA1UEBhMCVVMxDzANBgNVBAoMBkFtYXpvbjEMMAoGA1UECwwDQVdTMRswGQYD\n"
    "VQQDDBJhd3Mubml0cm8tZW5jbGF2ZXMwHhcNMTkxMDI4MTMyODA1WhcNNDkxMDI4\n"
    "MTQyODA1WjBJMQswCQYDVQQGEwJVUzEPMA0GA1UECgwGQW1hem9uMQwwCgYDVQQL\n"
    "DANBV1MxGzAZBgNVBAMMEmF3cy5uaXRyby1lbmNsYXZlczB2MBAGByqGSM49AgEG\n"
    "BSuBBAAiA2IABPwCVOumCMHzaHDimtqQvkY4MpJzbolL//Zy2YlES1BR5TSksfbb\n"
    "48C8WBoyt7F2Bw7eEtaaP+ohG2bnUs990d0JX28TcPQXCEPZ3BABIeTPYwEoCWZE\n"
    "h8l5YoQwTcU/9KNCMEAwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUkCW1DdkF\n"
    "R+eWw5b6cp3PmanfS5YwDgYDVR0PAQH/BAQDAgGGMAoGCCqGSM49BAMDA2kAMGYC\n"
    "MQCjfy+Rocm9Xue4YnwWmNJVA44fA0P5W2OpYow9OYCVRaEevL8uO1XYru5xtMPW\n"
    "rfMCMQCi85sWBbJwKKXdS6BptQFuZbT73o/gBh1qUxl/nNr12UO8Yfwr6wPLb+6N\n"
    "IwLz3/Y=\n"
    "-----END CERTIFICATE-----\n";
}  // namespace

base::Result<crypto::Link> aws_nitro_root() {
    crypto::Link root = TRY(read_root(kAwsNitroRoot, "AWS Nitro Enclaves root"));
    if (base::to_hex(root.fingerprint) != kAwsNitroRootFingerprint) {
        return base::Error(base::ExitCode::internal, "the built-in root is damaged");
    }
    return root;
}

base::Result<crypto::Link> read_root(std::string_view content, std::string_view name) {
    // A certificate in DER starts with a SEQUENCE; no text does.
    crypto::Link root = content.starts_with('\x30')
                            ? TRY(crypto::parse_link(base::as_bytes(content), name))
                            : TRY(crypto::parse_link_pem(content, name));
    auto fault = crypto::form_fault(root);
    if (!fault) fault = crypto::authority_fault(root, 0);
    if (fault) {
        return base::Error::data(fmt::format("{}: unfit as a root: expected {}, seen {}", name,
                                             fault->expected, fault->seen));
    }
    return root;
}

}  // namespace attest
