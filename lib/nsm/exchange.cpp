// The ioctl edge of the NSM driver (Linux 6.8 and later, and Amazon's out-of-tree module).
#include "nsm/exchange.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <cstdint>

#include "base/file.h"

namespace nsm {

using base::Error;
using base::Result;

namespace {

// Two iovecs of 64-bit fields; reply_bytes is the room before the call and the use after it.
struct Raw {
    std::uint64_t request_address;
    std::uint64_t request_bytes;
    std::uint64_t reply_address;
    std::uint64_t reply_bytes;
};
static_assert(sizeof(Raw) == 32);

constexpr unsigned long kRawCall = _IOWR(0x0A, 0, Raw);
static_assert(kRawCall == 0xC020'0A00);

constexpr std::size_t kReplyRoom = 0x3000;  // the driver wants no less

}  // namespace

Result<base::Fd> open_device_file(const std::string& path) {
    Result<base::Fd> fd = base::open_file(path, O_RDWR);
    if (fd.ok() || fd.error().errno_value != ENOENT) return fd;
    return std::move(fd).error().with_hint(
        "only an enclave has this device; its kernel needs the NSM driver");
}

Result<std::vector<std::byte>> exchange(int fd, std::span<const std::byte> request) {
    std::vector<std::byte> reply(kReplyRoom);
    Raw raw{reinterpret_cast<std::uintptr_t>(request.data()), request.size(),
            reinterpret_cast<std::uintptr_t>(reply.data()), reply.size()};
    if (::ioctl(fd, kRawCall, &raw) != 0) {
        if (errno == ENOTTY) {
            return Error(base::ExitCode::usage, "the device is no Nitro Secure Module");
        }
        return Error::system("ask the NSM", "");
    }
    if (raw.reply_bytes > reply.size()) {
        return Error(base::ExitCode::protocol, "the NSM's reply is longer than its buffer");
    }
    reply.resize(static_cast<std::size_t>(raw.reply_bytes));
    return reply;
}

}  // namespace nsm
