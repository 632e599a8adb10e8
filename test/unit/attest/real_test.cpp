// Documents that a Nitro enclave made, where they are at hand.
#include <cstdlib>

#include "base/file.h"
#include "maker.h"

namespace {

using attest::Bytes;

std::optional<Bytes> load(const std::string& name) {
    const char* folder = std::getenv("ENCLAVEBOX_TESTDATA");
    const std::string path = std::string(folder == nullptr || *folder == '\0' ? TESTDATA : folder) +
                             "/attestation/" + name;
    const auto content = base::read_file(path, 65'536);
    if (!content.ok()) {
        WARN("skipped: " << path << " is not here");
        return std::nullopt;
    }
    const auto bytes = base::as_bytes(content.value());
    return Bytes(bytes.begin(), bytes.end());
}

attest::Settings settings() {
    return attest::Settings(attest::aws_nitro_root().value());
}

}  // namespace

TEST_CASE("the vendor's root is built in") {
    const auto root = attest::aws_nitro_root();
    REQUIRE(root.ok());
    CHECK(base::to_hex(root.value().fingerprint) == attest::kAwsNitroRootFingerprint);
    CHECK(root.value().subject == "CN=aws.nitro-enclaves, OU=AWS, O=Amazon, C=US");
    const auto file = load("aws-nitro-root-g1.pem");
    if (!file) return;
    const auto published = attest::read_root(base::as_text(*file), "file");
    REQUIRE(published.ok());
    CHECK(published.value().der == root.value().der);
}

TEST_CASE("a document of real hardware is accepted at its own time, and expired today") {
    const auto bytes = load("aws-2022-11.cbor");
    if (!bytes) return;
    const auto document = attest::decode(*bytes);
    REQUIRE(document.ok());
    CHECK(document.value().module_id == "i-04fd167167daacf3b-enc01845e97d0b3eb4e");
    CHECK(document.value().timestamp.count() == 1'668'034'320'696);
    CHECK(document.value().nonce->size() == 32);
    CHECK(document.value().user_data->size() == 32);
    CHECK_FALSE(document.value().public_key);
    const auto stored = attest::verify_stored(document.value(), settings());
    REQUIRE(stored.ok());
    CHECK(describe(stored.value()) == "accepted, and proven by the pinned root");
    const auto then = document.value().timestamp + std::chrono::seconds(10);
    CHECK(attest::verify(document.value(), settings(), then).value().proven());
    const auto now = std::chrono::seconds(1'763'640'000);
    const auto today = attest::verify(document.value(), settings(), now);
    REQUIRE(today.ok());
    CHECK(describe(today.value()) ==
          "rejected at validity, cabundle[1] (CN=80c9fe850e6c24c9.eu-west-1.aws.nitro-enclaves, "
          "OU=AWS, O=Amazon, C=US): expected a time up to 2022-11-26T23:20:55Z, seen "
          "2025-11-20T12:00:00Z");
}

TEST_CASE("a real document with a damaged signature is rejected for its signature") {
    const auto bytes = load("aws-2022-11-bad-signature.cbor");
    if (!bytes) return;
    const auto document = attest::decode(*bytes);
    REQUIRE(document.ok());
    const auto verdict = attest::verify_stored(document.value(), settings());
    REQUIRE(verdict.ok());
    REQUIRE(verdict.value().failure);
    CHECK(verdict.value().failure->step == attest::Step::signature);
}

TEST_CASE("a real document is not accepted under another root") {
    const auto bytes = load("aws-2022-11.cbor");
    if (!bytes) return;
    attest_test::Maker maker;
    const auto verdict = attest::verify_stored(attest::decode(*bytes).value(),
                                               attest::Settings(maker.pinned_root()));
    REQUIRE(verdict.value().failure);
    CHECK(verdict.value().failure->step == attest::Step::root);
}

TEST_CASE("a change of one byte of a real document is noticed") {
    const auto bytes = load("aws-2022-11.cbor");
    if (!bytes) return;
    const attest::Settings pinned = settings();
    attest::LinkCache cache;
    for (std::size_t index = 0; index < bytes->size(); index += 7) {
        Bytes changed = *bytes;
        changed[index] ^= std::byte{1};
        const auto document = attest::decode(changed);
        if (!document.ok()) continue;
        const auto verdict = attest::verify_stored(document.value(), pinned, &cache);
        CHECK((!verdict.ok() || !verdict.value().accepted()));
    }
}
