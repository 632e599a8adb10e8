// No request breaks the emulator's side of the wire, and what it understands can be said again.
#include <cstdlib>

#include "nsm/emulated_requests.h"
#include "nsm/protocol.h"

namespace {

namespace emulated = nsm::emulated;
using emulated::Bytes;

void require(bool condition) {
    if (!condition) std::abort();
}

// The request that says the same; empty for a refusal.
struct Again {
    Bytes operator()(const emulated::Describe&) const { return nsm::protocol::encode_describe(); }
    Bytes operator()(const emulated::Random&) const { return nsm::protocol::encode_random(); }
    Bytes operator()(const emulated::DescribePcr& request) const {
        return nsm::protocol::encode_describe_pcr(request.index);
    }
    Bytes operator()(const emulated::ExtendPcr& request) const {
        const auto encoded = nsm::protocol::encode_extend_pcr(request.index, request.data);
        return encoded.ok() ? encoded.value() : Bytes();
    }
    Bytes operator()(const emulated::LockPcr& request) const {
        return nsm::protocol::encode_lock_pcr(request.index);
    }
    Bytes operator()(const emulated::LockPcrs& request) const {
        return nsm::protocol::encode_lock_pcrs(request.range);
    }
    Bytes operator()(const emulated::Attest& request) const {
        const auto encoded = nsm::protocol::encode_attest(request.fields);
        require(encoded.ok());
        return encoded.value();
    }
    Bytes operator()(const emulated::Refusal& refusal) const {
        require(!refusal.reason.empty());
        return {};
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const emulated::Request request =
        emulated::decode_request(std::as_bytes(std::span(data, size)));
    const Bytes again = std::visit(Again(), request);
    if (again.empty()) return 0;
    const emulated::Request second = emulated::decode_request(again);
    require(second.index() == request.index());
    require(std::visit(Again(), second) == again);
    return 0;
}
