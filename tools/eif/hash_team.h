// The hashes of an image's PCRs 0 to 2, computed on two threads beside the one that reads.
//
// PCR0 and PCR2 both cover every ramdisk but the first, so one thread alone would need twice the
// time. Blocks go round a small ring of buffers: memory stays constant for any size of image.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <thread>

#include "base/result.h"
#include "crypto/digest.h"
#include "format.h"
#include "measurements.h"

namespace eif {

class HashTeam {
  public:
    static constexpr std::size_t kBlockBytes = 1 << 20;  // what a disk writes well in one piece
    static constexpr std::size_t kAlignment = 4096;      // of buffers, for direct writes

    HashTeam();
    HashTeam(const HashTeam&) = delete;
    HashTeam& operator=(const HashTeam&) = delete;
    ~HashTeam();

    base::Result<void> start();

    // A free buffer of kBlockBytes, to be filled and handed back by submit(). Waits for one.
    std::span<std::byte> buffer();
    // Hashes the first `size` bytes of the buffer as part of a section's payload; sections that
    // are not measured may be submitted, too. Call end_section() after a section's last block.
    void submit(SectionType type, std::size_t size);
    void end_section(SectionType type);

    // Waits for the threads. PCR8 is not theirs to know.
    base::Result<Measurements> finish();

  private:
    struct Slot {
        std::span<std::byte> bytes;  // in memory_
        std::size_t size = 0;
        bool for_image = false;
        bool for_application = false;
        bool ends_bootstrap = false;  // after this block the image's digest so far is PCR1's
    };
    static constexpr std::size_t kSlots = 12;
    static constexpr std::size_t kThreads = 2;  // [0] the image's digest, [1] the application's

    void work(std::stop_token stop, std::size_t thread);
    base::Result<void> hash_slot(const Slot& slot, std::size_t thread);
    void publish();

    struct Free {
        void operator()(std::byte* memory) const {
            ::operator delete[](memory, std::align_val_t{kAlignment});
        }
    };
    std::unique_ptr<std::byte[], Free> memory_;
    std::array<Slot, kSlots> slots_;
    std::size_t ramdisks_ended_ = 0;
    std::optional<crypto::Digest> image_;
    std::optional<crypto::Digest> bootstrap_;
    std::optional<crypto::Digest> application_;

    std::mutex mutex_;  // guards what follows
    std::condition_variable_any published_;
    std::condition_variable consumed_;
    std::uint64_t published_count_ = 0;
    std::array<std::uint64_t, kThreads> consumed_count_{};
    std::array<base::Result<void>, kThreads> outcome_;

    std::array<std::jthread, kThreads> threads_;  // last: they end before the rest does
};

}  // namespace eif
