// What every module does, whatever it is made of. The suite changes the module: it extends and
// locks one register that is open.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include "base/text.h"
#include "crypto/digest.h"
#include "nsm/nsm.h"
#include "nsm/timestamp.h"

namespace nsm_test {

using Bytes = std::vector<std::byte>;

inline std::uint16_t first_open_register(nsm::Module& module) {
    for (std::uint16_t index = 16; index < nsm::kRegisterCount; ++index) {
        if (!module.describe_pcr(index).value().locked) return index;
    }
    FAIL("every register is locked");
    return 0;
}

inline void check_description(nsm::Module& module) {
    const auto description = module.describe();
    REQUIRE(description.ok());
    CHECK(description.value().version_major >= 1);
    CHECK_FALSE(description.value().module_id.empty());
    CHECK(description.value().register_count == nsm::kRegisterCount);
    CHECK(description.value().digest == "SHA384");
    for (std::uint16_t index = 0; index < 16; ++index) {
        const auto found = module.describe_pcr(index);
        REQUIRE(found.ok());
        CHECK(found.value().locked);
        CHECK(found.value().value.size() == 48);
    }
}

inline void check_random(nsm::Module& module) {
    const auto first = module.random();
    const auto second = module.random();
    REQUIRE((first.ok() && second.ok()));
    CHECK(first.value().size() >= 24);
    CHECK(first.value() != second.value());
}

inline void check_registers(nsm::Module& module) {
    const std::uint16_t index = first_open_register(module);
    Bytes covered = module.describe_pcr(index).value().value;
    const auto data = base::as_bytes("some data");
    covered.insert(covered.end(), data.begin(), data.end());
    const auto extended = module.extend_pcr(index, data);
    REQUIRE(extended.ok());
    CHECK(extended.value() == crypto::hash(crypto::HashAlgorithm::sha384, covered).value());
    CHECK(module.describe_pcr(index).value().value == extended.value());
    CHECK(module.lock_pcr(index).ok());
    CHECK(module.describe_pcr(index).value().locked);
    const auto refused = [](const auto& result, std::string_view reason) {
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().message.ends_with(reason));
        return result.error().code;
    };
    constexpr std::string_view kLocked = "the register is locked (ReadOnlyIndex)";
    CHECK(refused(module.extend_pcr(index, data), kLocked) == base::ExitCode::refused);
    CHECK(refused(module.extend_pcr(0, data), kLocked) == base::ExitCode::refused);
    CHECK(refused(module.lock_pcr(index), kLocked) == base::ExitCode::refused);
    CHECK(module.describe_pcr(index).value().value == extended.value());
    // What is locked already may be locked again by range.
    CHECK(module.lock_pcrs(16).ok());
    constexpr std::string_view kNone = "there is no such register (InvalidIndex)";
    CHECK(refused(module.describe_pcr(32), kNone) == base::ExitCode::usage);
    CHECK(refused(module.extend_pcr(32, data), kNone) == base::ExitCode::usage);
    CHECK(refused(module.lock_pcr(32), kNone) == base::ExitCode::usage);
    CHECK(refused(module.lock_pcrs(33), kNone) == base::ExitCode::usage);
}

inline void check_documents(nsm::Module& module) {
    nsm::AttestationRequest request;
    request.nonce = Bytes(512, std::byte{0xA5});
    request.user_data = Bytes(512, std::byte{0x5A});
    request.public_key = Bytes(1024, std::byte{0xC3});
    const auto document = module.attest(request);
    REQUIRE(document.ok());
    const std::string text(base::as_text(document.value()));
    for (const auto& field : {*request.nonce, *request.user_data, *request.public_key})
        CHECK(text.find(base::as_text(field)) != std::string::npos);
    CHECK(nsm::document_time(document.value()).ok());
    request.nonce->push_back(std::byte{0});
    CHECK_FALSE(module.attest(request).ok());
    CHECK(module.attest({}).ok());
}

inline void check_contract(nsm::Module& module) {
    check_description(module);
    check_random(module);
    check_registers(module);
    check_documents(module);
}

}  // namespace nsm_test
