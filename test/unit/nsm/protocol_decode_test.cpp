// Replies of the NSM: the vectors of test/vectors/nsm, and what each class becomes.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "nsm/protocol.h"

namespace protocol = nsm::protocol;
using base::ExitCode;

namespace {

std::vector<std::byte> load(const std::string& path) {
    const auto content = base::read_file(path, protocol::kMaximumReplyBytes);
    REQUIRE(content.ok());
    const auto bytes = base::as_bytes(content.value());
    return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> vector(const std::string& name) {
    return load(std::string(VECTORS "/nsm/") + name + ".cbor");
}

// The exit code of each decoder; `done` where it accepts.
std::vector<ExitCode> codes(std::span<const std::byte> reply) {
    std::vector<ExitCode> found;
    const auto note = [&](const auto& result) {
        found.push_back(result.ok() ? ExitCode::done : result.error().code);
    };
    note(protocol::decode_describe(reply));
    note(protocol::decode_random(reply));
    note(protocol::decode_describe_pcr(reply));
    note(protocol::decode_extend_pcr(reply));
    note(protocol::decode_lock_pcr(reply));
    note(protocol::decode_lock_pcrs(reply));
    note(protocol::decode_attest(reply));
    return found;
}

}  // namespace

TEST_CASE(
    "each vector is accepted by one decoder, by none, or refused by all, as its folder says") {
    std::size_t seen = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(VECTORS "/nsm")) {
        if (!file.is_regular_file()) continue;
        CAPTURE(file.path().string());
        const std::string kind = file.path().parent_path().filename();
        const auto found = codes(load(file.path().string()));
        const auto accepted = std::count(found.begin(), found.end(), ExitCode::done);
        CHECK(accepted == (kind == "ok" ? 1 : 0));
        if (kind == "bad") {
            CHECK(std::count(found.begin(), found.end(), ExitCode::protocol) == 7);
        }
        ++seen;
    }
    CHECK(seen >= 30);
}

TEST_CASE("a description is read field by field") {
    const auto description = protocol::decode_describe(vector("ok/describe"));
    REQUIRE(description.ok());
    CHECK(description.value().version_major == 1);
    CHECK(description.value().version_minor == 0);
    CHECK(description.value().module_id == "i-234-enc5678");
    CHECK(description.value().register_count == 32);
    REQUIRE(description.value().locked_registers.size() == 16);
    CHECK(description.value().locked_registers.back() == 15);
    CHECK(description.value().digest == "SHA384");
}

TEST_CASE("registers, random bytes and documents come out as they were sent") {
    const auto found = protocol::decode_describe_pcr(vector("ok/describe-pcr"));
    REQUIRE(found.ok());
    CHECK(found.value().locked);
    CHECK(base::to_hex(found.value().value).starts_with("000102030405"));
    CHECK(found.value().value.size() == 48);
    const auto open = protocol::decode_describe_pcr(vector("ok/describe-pcr-sha512"));
    REQUIRE(open.ok());
    CHECK_FALSE(open.value().locked);
    const auto random = protocol::decode_random(vector("ok/random"));
    REQUIRE(random.ok());
    CHECK(random.value().size() == 256);
    const auto document = protocol::decode_attest(vector("ok/attestation"));
    REQUIRE(document.ok());
    CHECK(base::to_hex(document.value()) == "8444a1013822a0403000");
}

TEST_CASE("what the module refuses becomes an error with a fitting exit code") {
    const auto locked = protocol::decode_extend_pcr(vector("refused/locked"));
    REQUIRE_FALSE(locked.ok());
    CHECK(locked.error().code == ExitCode::refused);
    CHECK(locked.error().message ==
          "the NSM refused ExtendPCR: the register is locked (ReadOnlyIndex)");
    const auto index = protocol::decode_describe_pcr(vector("refused/index"));
    REQUIRE_FALSE(index.ok());
    CHECK(index.error().code == ExitCode::usage);
    const auto unknown = protocol::decode_lock_pcr(vector("refused/unknown-reason"));
    REQUIRE_FALSE(unknown.ok());
    CHECK(unknown.error().code == ExitCode::protocol);
    CHECK(unknown.error().message == "the NSM refused LockPCR: unknown reason '\\x1b[2Jbad'");
}

TEST_CASE("a malformed reply says which field is at fault, or which byte") {
    const auto message = [](const auto& result) {
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().code == ExitCode::protocol);
        return result.error().message;
    };
    CHECK(message(protocol::decode_describe(vector("bad/describe-version-wide"))) ==
          "the NSM's reply to DescribeNSM is wrong: field version_major is missing or wrong");
    CHECK(message(protocol::decode_describe(vector("bad/describe-locked-beyond"))) ==
          "the NSM's reply to DescribeNSM is wrong: field locked_pcrs is missing or wrong");
    CHECK(message(protocol::decode_lock_pcr(vector("bad/trailing"))) ==
          "the NSM's reply to LockPCR is wrong: bad CBOR at byte 8: bytes after the item");
    CHECK(message(protocol::decode_lock_pcr(vector("bad/lock-with-fields"))) ==
          "the NSM's reply to LockPCR is wrong: fields where none belong");
    CHECK(message(protocol::decode_random(vector("ok/describe"))) ==
          "the NSM's reply to GetRandom is wrong: it answers something else");
}
