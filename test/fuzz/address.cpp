// An address that is accepted is printed as text that reads back to the same address.
#include "vsockio/address.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto address = vsockio::parse_address(text);
    if (!address.ok()) return 0;
    const auto again = vsockio::parse_address(vsockio::to_string(address.value()));
    if (!again.ok() || again.value() != address.value()) std::abort();
    for (const auto direction : {vsockio::Direction::connect, vsockio::Direction::listen}) {
        const auto mapped = vsockio::through_folder(address.value(), direction, "/run/vsock");
        if (!mapped.ok()) continue;
        // What is mapped is an address, too, and no longer one of the kernel's vsock.
        const auto read = vsockio::parse_address(vsockio::to_string(mapped.value()));
        if (!read.ok() || read.value() != mapped.value()) std::abort();
        if (mapped.value().kind == vsockio::Address::Kind::vsock) std::abort();
    }
    return 0;
}
