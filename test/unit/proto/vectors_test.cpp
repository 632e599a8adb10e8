// The files of test/vectors/control: NAME.ok decodes to its last byte, NAME.bad is bad.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "proto/control.h"

using proto::control::decode;
using proto::control::Decoded;

namespace {

// The outcome of the first frame that is none, or `frame` when the input is used up.
Decoded::Outcome decode_all(std::span<const std::byte> input) {
    while (!input.empty()) {
        const Decoded decoded = decode(input);
        if (decoded.outcome != Decoded::Outcome::frame) return decoded.outcome;
        input = input.subspan(decoded.used_bytes);
    }
    return Decoded::Outcome::frame;
}

}  // namespace

TEST_CASE("every control vector is of the class that its name says") {
    std::size_t seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(VECTORS "/control")) {
        const std::filesystem::path& path = entry.path();
        INFO(path.filename().string());
        const auto text = base::read_file(path.string(), 1 << 20);
        REQUIRE(text.ok());
        const Decoded::Outcome outcome = decode_all(base::as_bytes(text.value()));
        if (path.extension() == ".ok") {
            CHECK(outcome == Decoded::Outcome::frame);
        } else {
            CHECK(path.extension() == ".bad");
            CHECK(outcome == Decoded::Outcome::bad);
        }
        ++seen;
    }
    CHECK(seen >= 5);
}
