// Holes by fallocate(2), which tmpfs can.
#include "job_output.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/format.h"
#include "base/text.h"

namespace pipeline {

namespace {

constexpr std::uint64_t kPage = 4096;

}  // namespace

void JobOutput::append(std::span<const std::byte> bytes) {
    bytes_ += bytes.size();
    // Where nothing can be dropped, the beginning is kept instead of the end.
    const bool full = !holes_ && size_ + bytes.size() > keep_bytes_;
    if (full) {
        lost_ += bytes.size();
        unsaid_ += bytes.size();
        return;
    }
    if (unsaid_ > 0) {
        const std::string line = fmt::format("\n[{} bytes were lost here]\n", unsaid_);
        if (write(base::as_bytes(line))) unsaid_ = 0;
    }
    if (unsaid_ > 0 || !write(bytes)) {
        lost_ += bytes.size();
        unsaid_ += bytes.size();
    }
    drop_oldest();
}

// All or nothing.
bool JobOutput::write(std::span<const std::byte> bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t count = ::pwrite(file_.get(), bytes.data() + done, bytes.size() - done,
                                       static_cast<off_t>(size_ + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            [[maybe_unused]] const int ignored =
                ::ftruncate(file_.get(), static_cast<off_t>(size_));
            return false;
        }
        done += static_cast<std::size_t>(count);
    }
    size_ += bytes.size();
    return true;
}

// In steps, not at every write.
void JobOutput::drop_oldest() {
    if (!holes_ || size_ - dropped_ <= keep_bytes_ + keep_bytes_ / 16) return;
    const std::uint64_t until = (size_ - keep_bytes_) / kPage * kPage;
    if (until <= dropped_) return;
    if (::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    static_cast<off_t>(dropped_), static_cast<off_t>(until - dropped_)) != 0) {
        holes_ = false;
        return;
    }
    dropped_ = until;
}

std::uint64_t first_kept(int file) {
    const off_t data = ::lseek(file, 0, SEEK_DATA);
    if (data >= 0) return static_cast<std::uint64_t>(data);
    const bool nothing = errno == ENXIO;  // but a hole; else there is no such notion
    const off_t end = ::lseek(file, 0, SEEK_END);
    return nothing && end > 0 ? static_cast<std::uint64_t>(end) : 0;
}

}  // namespace pipeline
