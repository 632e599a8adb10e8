// Control frames: decoding is total, and what decodes is read to its end without surprise.
#include "proto/control.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace control = proto::control;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::span<const std::byte> input = std::as_bytes(std::span(data, size));
    while (true) {
        const control::Decoded decoded = control::decode(input);
        if (decoded.outcome != control::Decoded::Outcome::frame) return 0;
        if (decoded.used_bytes > input.size()) std::abort();
        // Written anew, a frame gives the same bytes.
        std::vector<std::byte> memory(control::kHeaderBytes + control::kMaximumPayload);
        control::FrameWriter writer(memory, decoded.frame.kind());
        decoded.frame.for_each(
            [&](const control::Field& field) { writer.text(field.id, field.as_text()); });
        const auto again = writer.finish();
        if (!writer.ok() || !std::equal(again.begin(), again.end(), input.begin())) std::abort();
        input = input.subspan(decoded.used_bytes);
    }
}
