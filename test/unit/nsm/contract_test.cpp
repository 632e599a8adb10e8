// The contract over the device of an enclave, where this test runs in one and is told so: with
// ENCLAVEBOX_NSM set to the module's words. The emulator's run is in emulator_test.cpp.
#include "contract.h"

#include <cstdlib>

#include "nsm/open.h"

TEST_CASE("the module that the environment names keeps the contract") {
    const char* const words = std::getenv("ENCLAVEBOX_NSM");
    if (words == nullptr) {
        WARN("skipped: ENCLAVEBOX_NSM is not set");
        return;
    }
    const auto module = nsm::open_module(words);
    REQUIRE(module.ok());
    nsm_test::check_contract(*module.value());
}
