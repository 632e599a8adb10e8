// Requests to the NSM, byte for byte.
#include <catch2/catch_test_macros.hpp>

#include "base/text.h"
#include "nsm/protocol.h"

namespace protocol = nsm::protocol;

namespace {

std::string ascii_hex(std::string_view text) {
    return base::to_hex(base::as_bytes(text));
}

}  // namespace

TEST_CASE("requests without fields are bare texts") {
    CHECK(base::to_hex(protocol::encode_describe()) == "6b" + ascii_hex("DescribeNSM"));
    CHECK(base::to_hex(protocol::encode_random()) == "69" + ascii_hex("GetRandom"));
}

TEST_CASE("requests with fields are maps of one entry") {
    CHECK(base::to_hex(protocol::encode_describe_pcr(0)) ==
          "a16b" + ascii_hex("DescribePCR") + "a165" + ascii_hex("index") + "00");
    CHECK(base::to_hex(protocol::encode_lock_pcr(16)) ==
          "a167" + ascii_hex("LockPCR") + "a165" + ascii_hex("index") + "10");
    CHECK(base::to_hex(protocol::encode_lock_pcrs(32)) ==
          "a168" + ascii_hex("LockPCRs") + "a165" + ascii_hex("range") + "1820");
    const auto extend = protocol::encode_extend_pcr(31, base::as_bytes("abc"));
    REQUIRE(extend.ok());
    CHECK(base::to_hex(extend.value()) == "a169" + ascii_hex("ExtendPCR") + "a265" +
                                              ascii_hex("index") + "181f64" + ascii_hex("data") +
                                              "43616263");
}

TEST_CASE("an attestation request tells absent fields from empty ones") {
    nsm::AttestationRequest request;
    request.nonce.emplace();
    request.public_key.emplace(2, std::byte{7});
    const auto encoded = protocol::encode_attest(request);
    REQUIRE(encoded.ok());
    CHECK(base::to_hex(encoded.value()) ==
          "a16b" + ascii_hex("Attestation") + "a369" + ascii_hex("user_data") + "f665" +
              ascii_hex("nonce") + "406a" + ascii_hex("public_key") + "420707");
}

TEST_CASE("fields longer than the module takes are refused by name") {
    const std::vector<std::byte> long_field(513);
    const std::vector<std::byte> long_key(1025);
    const auto message = [](const nsm::AttestationRequest& request) {
        const auto encoded = protocol::encode_attest(request);
        REQUIRE_FALSE(encoded.ok());
        CHECK(encoded.error().code == base::ExitCode::usage);
        return encoded.error().message;
    };
    CHECK(message({.user_data = long_field}) ==
          "the user data has 513 bytes, the NSM takes at most 512");
    CHECK(message({.nonce = long_field}) == "the nonce has 513 bytes, the NSM takes at most 512");
    CHECK(message({.public_key = long_key}) ==
          "the public key has 1025 bytes, the NSM takes at most 1024");
}

TEST_CASE("a request at the limits fits, and an extension fits up to the last byte") {
    const std::vector<std::byte> field(512);
    const std::vector<std::byte> key(1024);
    const auto attest = protocol::encode_attest({field, field, key});
    REQUIRE(attest.ok());
    CHECK(attest.value().size() <= protocol::kMaximumRequestBytes);

    const auto refused = protocol::encode_extend_pcr(16, std::vector<std::byte>(5000));
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message == "the data has 5000 bytes, the NSM takes at most 4069");
    const auto longest = protocol::encode_extend_pcr(16, std::vector<std::byte>(4069));
    REQUIRE(longest.ok());
    CHECK(longest.value().size() == protocol::kMaximumRequestBytes);
    CHECK_FALSE(protocol::encode_extend_pcr(16, std::vector<std::byte>(4070)).ok());
}
