// Deterministic ECDSA against the vectors of RFC 6979 A.2.5 to A.2.7 (message "sample").
#include "crypto/ecdsa.h"

#include <catch2/catch_test_macros.hpp>

#include "base/text.h"

using crypto::PrivateKey;

namespace {

constexpr std::string_view kKeyP256 =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MDECAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n"
    "AwEH\n"
    "-----END EC PRIVATE KEY-----\n";
constexpr std::string_view kKeyP384 =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MD4CAQEEMGudPa0uG4wcBbGYdbZln03iPDtme/KXupqkd0B4cTfYltVyTkxwqCX4\n"
    "csnqYNLt9aAHBgUrgQQAIg==\n"
    "-----END EC PRIVATE KEY-----\n";
constexpr std::string_view kKeyP521 =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MFACAQEEQgD60G2qYro7JdL7QBM9p1cgXeZ/W7ABj+6MhuG2jH51yqiW6zLx9Hxw\n"
    "hVg2ptFvzBRm9tj77GfbiewMCLDplrg1OKAHBgUrgQQAIw==\n"
    "-----END EC PRIVATE KEY-----\n";

struct Vector {
    std::string_view pem;
    std::string_view signature;
};

constexpr Vector kVectors[] = {
    {kKeyP256,
     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
     "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    {kKeyP384,
     "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fab"
     "e46"
     "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628"
     "ac8"},
    {kKeyP521,
     "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152"
     "b53"
     "4931d7d4e8455cc91f9b15bf05ec36e377fa"
     "00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff"
     "077"
     "7b1a20f8ccb1dccc43997f1ee0e44da4a67a"},
};

}  // namespace

TEST_CASE("signatures are those of RFC 6979 and verify") {
    for (const Vector& vector : kVectors) {
        const PrivateKey key = PrivateKey::from_pem(vector.pem, "vector").value();
        const auto signature = key.sign(base::as_bytes("sample")).value();
        CHECK(base::to_hex(signature) == vector.signature);
        CHECK(key.public_key().value().verify(base::as_bytes("sample"), signature).value());
    }
}

TEST_CASE("a changed message, signature or length does not verify") {
    for (const Vector& vector : kVectors) {
        const PrivateKey key = PrivateKey::from_pem(vector.pem, "vector").value();
        const crypto::PublicKey check = key.public_key().value();
        auto signature = key.sign(base::as_bytes("sample")).value();
        CHECK_FALSE(check.verify(base::as_bytes("Sample"), signature).value());
        signature[40] ^= std::byte{1};
        CHECK_FALSE(check.verify(base::as_bytes("sample"), signature).value());
        signature[40] ^= std::byte{1};
        signature.pop_back();
        CHECK_FALSE(check.verify(base::as_bytes("sample"), signature).value());
        CHECK_FALSE(check.verify(base::as_bytes("sample"), {}).value());
        const std::vector<std::byte> zeros(2 * crypto::scalar_size(check.curve()));
        CHECK_FALSE(check.verify(base::as_bytes("sample"), zeros).value());
    }
}

TEST_CASE("keys compare by what they are, and text that is no key is bad data") {
    const PrivateKey first = PrivateKey::from_pem(kKeyP256, "first").value();
    const PrivateKey again = PrivateKey::from_pem(kKeyP256, "again").value();
    const PrivateKey other = PrivateKey::from_pem(kKeyP384, "other").value();
    CHECK(first.public_key().value() == again.public_key().value());
    CHECK_FALSE(first.public_key().value() == other.public_key().value());
    for (const std::string_view text : {"", "nothing", "-----BEGIN EC PRIVATE KEY-----\nAA==\n"}) {
        const auto key = PrivateKey::from_pem(text, "'file'");
        REQUIRE_FALSE(key.ok());
        CHECK(key.error().code == base::ExitCode::data);
    }
}
