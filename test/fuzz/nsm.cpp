// No reply of an NSM breaks its decoders, and what they let through keeps their promises.
#include <algorithm>
#include <cstdlib>

#include "nsm/protocol.h"
#include "nsm/timestamp.h"

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

bool is_digest(const std::vector<std::byte>& value) {
    return value.size() == 32 || value.size() == 48 || value.size() == 64;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto reply = std::as_bytes(std::span(data, size));
    int accepted = 0;
    if (const auto description = nsm::protocol::decode_describe(reply); description.ok()) {
        ++accepted;
        require(!description.value().module_id.empty());
        require(description.value().register_count <= 256);
        for (const std::uint16_t index : description.value().locked_registers) {
            require(index < description.value().register_count);
        }
    }
    if (const auto random = nsm::protocol::decode_random(reply); random.ok()) {
        ++accepted;
        require(!random.value().empty());
    }
    if (const auto found = nsm::protocol::decode_describe_pcr(reply); found.ok()) {
        ++accepted;
        require(is_digest(found.value().value));
    }
    if (const auto value = nsm::protocol::decode_extend_pcr(reply); value.ok()) {
        ++accepted;
        require(is_digest(value.value()));
    }
    if (const auto document = nsm::protocol::decode_attest(reply); document.ok()) {
        ++accepted;
        require(!document.value().empty());
        // Two decoders of the same reply: one with a library, one without.
        if (const auto same = nsm::reply_document(reply); same.ok()) {
            require(std::ranges::equal(same.value(), document.value()));
            (void)nsm::document_time(same.value());
        }
    }
    if (const auto time = nsm::document_time(reply); time.ok()) {
        require(time.value() >= nsm::kEarliestTime && time.value() < nsm::kLatestTime);
    }
    accepted += nsm::protocol::decode_lock_pcr(reply).ok() ? 1 : 0;
    accepted += nsm::protocol::decode_lock_pcrs(reply).ok() ? 1 : 0;
    require(accepted <= 1);  // a reply answers one request
    return 0;
}
