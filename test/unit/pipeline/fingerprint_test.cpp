// Fingerprints: what a key can have, and nothing else.
#include "fingerprint.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "crypto/identity.h"

using namespace pipeline;

TEST_CASE("every key's fingerprint is one") {
    for (int count = 0; count < 20; ++count) {
        const auto identity = crypto::Identity::generate();
        REQUIRE(identity.ok());
        const auto text = crypto::fingerprint(identity->public_key().value());
        REQUIRE(text.ok());
        CHECK(is_fingerprint(text.value()));
    }
}

TEST_CASE("each key has one spelling") {
    const std::string right = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";
    // The last digit carries two bits that must be zero.
    const std::string most = right.substr(0, right.size() - 1);
    for (const char last : std::string_view("AEIMQUYcgkosw048"))
        CHECK(is_fingerprint(most + last));
    for (const char last : std::string_view("BCDFZabz1239+/="))
        CHECK_FALSE(is_fingerprint(most + last));
    CHECK_FALSE(is_fingerprint(right + "="));
    CHECK_FALSE(is_fingerprint(most));
    CHECK_FALSE(is_fingerprint("sha256" + right.substr(6)));
    CHECK_FALSE(is_fingerprint("SHA256:" + std::string(43, '-')));
    CHECK_FALSE(is_fingerprint(""));
}
