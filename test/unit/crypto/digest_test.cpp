// Known answers of FIPS 180-4 and FIPS 202 for "abc", and the copy of a running digest.
#include "crypto/digest.h"

#include <catch2/catch_test_macros.hpp>

#include "base/text.h"

using crypto::Digest;
using crypto::HashAlgorithm;

namespace {

std::string hex_of(HashAlgorithm algorithm, std::string_view text) {
    return base::to_hex(crypto::hash(algorithm, base::as_bytes(text)).value());
}

}  // namespace

TEST_CASE("digests give the published answers for abc") {
    CHECK(hex_of(HashAlgorithm::sha256, "abc") ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex_of(HashAlgorithm::sha384, "abc") ==
          "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
          "8086072ba1e7cc2358baeca134c825a7");
    CHECK(hex_of(HashAlgorithm::sha512, "abc") ==
          "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
          "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    CHECK(hex_of(HashAlgorithm::sha3_512, "abc") ==
          "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e"
          "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0");
}

TEST_CASE("a copied digest goes on from where it was copied, without touching the first") {
    Digest first = Digest::create(HashAlgorithm::sha384).value();
    REQUIRE(first.update(base::as_bytes("ab")).ok());
    Digest second = first.copy().value();
    REQUIRE(second.update(base::as_bytes("c")).ok());
    CHECK(base::to_hex(second.finish().value()) == hex_of(HashAlgorithm::sha384, "abc"));
    CHECK(base::to_hex(first.finish().value()) == hex_of(HashAlgorithm::sha384, "ab"));
}

TEST_CASE("digest_size says how long a result is") {
    for (const HashAlgorithm algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha384,
                                          HashAlgorithm::sha512, HashAlgorithm::sha3_512}) {
        CHECK(crypto::hash(algorithm, {}).value().size() == crypto::digest_size(algorithm));
    }
}
