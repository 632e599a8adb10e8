// The device's side of a split ring, over plain memory.
#include "virtqueue.h"

#include <catch2/catch_test_macros.hpp>
#include <cstring>

using namespace vsockd;

namespace {

constexpr std::uint32_t kSize = 8;
constexpr RingLayout kLayout{kSize, 0, 0x200, 0x300};

// Guest and front-end addresses are offsets in the memory.
struct Ring {
    alignas(16) std::byte memory[4096]{};
    MemoryTable table = MemoryTable::create({{0, 0, memory}}).value();

    template <typename T>
    void put(std::size_t offset, T value) {
        std::memcpy(memory + offset, &value, sizeof value);
    }
    std::uint16_t get16(std::size_t offset) const {
        std::uint16_t value = 0;
        std::memcpy(&value, memory + offset, 2);
        return value;
    }
    void describe(std::size_t index, std::uint64_t address, std::uint32_t length,
                  std::uint16_t flags, std::uint16_t next, std::size_t base = 0) {
        put<std::uint64_t>(base + index * 16, address);
        put<std::uint32_t>(base + index * 16 + 8, length);
        put<std::uint16_t>(base + index * 16 + 12, flags);
        put<std::uint16_t>(base + index * 16 + 14, next);
    }
    void offer(std::uint16_t place, std::uint16_t head) {
        put<std::uint16_t>(0x204 + 2u * (place % kSize), head);
        put<std::uint16_t>(0x202, static_cast<std::uint16_t>(place + 1));
    }
    Virtqueue queue(std::uint16_t base = 0, RingFeatures features = {}) {
        return Virtqueue::create(table, kLayout, base, features).value();
    }
};

}  // namespace

TEST_CASE("a chain is taken piece by piece and given back") {
    Ring ring;
    ring.describe(3, 0x800, 44, 1, 5);
    ring.describe(5, 0x900, 100, 1 | 2, 0);
    ring.describe(0, 0xA00, 10, 2, 0);
    ring.offer(0, 3);
    Virtqueue queue = ring.queue();
    Chain chain;
    REQUIRE(queue.take(chain));
    CHECK(chain.head == 3);
    REQUIRE(chain.readable.size() == 1);
    CHECK(chain.readable[0].iov_base == ring.memory + 0x800);
    CHECK(chain.readable_bytes == 44);
    CHECK(chain.writable.size() == 2);
    CHECK(chain.writable_bytes == 110);
    CHECK_FALSE(queue.take(chain));
    CHECK(queue.broken().empty());
    queue.give_back(3, 7);
    CHECK(ring.get16(0x302) == 0);
    CHECK(queue.publish());
    CHECK(ring.get16(0x302) == 1);
    CHECK(ring.get16(0x304) == 3);
    CHECK(ring.get16(0x308) == 7);
    CHECK_FALSE(queue.publish());
}

TEST_CASE("indices wrap at 65536 and at the ring's size") {
    Ring ring;
    ring.put<std::uint16_t>(0x302, 0xFFFF);
    ring.describe(1, 0x800, 44, 0, 0);
    Virtqueue queue = ring.queue(0xFFFF);
    Chain chain;
    for (std::uint32_t place = 0xFFFF; place < 0x10010; ++place) {
        ring.offer(static_cast<std::uint16_t>(place), 1);
        REQUIRE(queue.take(chain));
        queue.give_back(1, 0);
        REQUIRE(queue.publish());
        REQUIRE(ring.get16(0x302) == static_cast<std::uint16_t>(place + 1));
    }
    CHECK(queue.next_available() == 0x10);
}

TEST_CASE("without an event index the driver's flag stops interrupts and ours stops kicks") {
    Ring ring;
    ring.describe(1, 0x800, 44, 0, 0);
    ring.offer(0, 1);
    Virtqueue queue = ring.queue();
    Chain chain;
    REQUIRE(queue.take(chain));
    ring.put<std::uint16_t>(0x200, 1);
    queue.give_back(1, 0);
    CHECK_FALSE(queue.publish());
    queue.stop_kicks();
    CHECK(ring.get16(0x300) == 1);
    CHECK_FALSE(queue.ask_for_kicks());
    CHECK(ring.get16(0x300) == 0);
    ring.offer(1, 1);
    CHECK(queue.ask_for_kicks());
}

TEST_CASE("with an event index the driver is interrupted when its mark is passed") {
    Ring ring;
    ring.describe(1, 0x800, 44, 0, 0);
    Virtqueue queue = ring.queue(0, {.event_index = true, .indirect = false});
    Chain chain;
    std::vector<bool> interrupted;
    ring.put<std::uint16_t>(0x204 + 2 * kSize, 2);
    for (std::uint16_t place = 0; place < 4; ++place) {
        ring.offer(place, 1);
        REQUIRE(queue.take(chain));
        queue.give_back(1, 0);
        interrupted.push_back(queue.publish());
    }
    CHECK(interrupted == std::vector<bool>{false, false, true, false});
    CHECK_FALSE(queue.ask_for_kicks());
    CHECK(ring.get16(0x304 + 8 * kSize) == 4);
}

TEST_CASE("an indirect table is followed") {
    Ring ring;
    ring.describe(2, 0xC00, 32, 4, 0);
    ring.describe(0, 0x800, 44, 1, 1, 0xC00);
    ring.describe(1, 0x900, 56, 0, 0, 0xC00);
    ring.offer(0, 2);
    Virtqueue queue = ring.queue(0, {.event_index = false, .indirect = true});
    Chain chain;
    REQUIRE(queue.take(chain));
    CHECK(chain.head == 2);
    CHECK(chain.readable_bytes == 100);
    // A table inside a table is against the rules.
    ring.describe(0, 0xC00, 32, 4, 0, 0xC00);
    ring.offer(1, 2);
    CHECK_FALSE(queue.take(chain));
    CHECK(queue.broken() == "an indirect descriptor in an indirect table");
    CHECK_FALSE(queue.ask_for_kicks());
}

TEST_CASE("rings outside the memory, misaligned or of odd size are refused") {
    Ring ring;
    const auto made = [&](RingLayout layout) {
        return Virtqueue::create(ring.table, layout, 0, {}).ok();
    };
    CHECK(made(kLayout));
    CHECK_FALSE(made({7, 0, 0x200, 0x300}));
    CHECK_FALSE(made({0, 0, 0x200, 0x300}));
    CHECK_FALSE(made({2048, 0, 0x200, 0x300}));
    CHECK_FALSE(made({8, 8, 0x200, 0x300}));
    CHECK_FALSE(made({8, 0, 0x201, 0x300}));
    CHECK_FALSE(made({8, 0, 0x200, 0x302}));
    CHECK_FALSE(made({8, 4096, 0x200, 0x300}));
    CHECK_FALSE(made({8, 0, 4090, 0x300}));
    CHECK_FALSE(made({8, 0, 0x200, 4064}));
}
