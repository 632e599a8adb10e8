// Address translation at its borders.
#include "memory_table.h"

#include <catch2/catch_test_macros.hpp>

using namespace vsockd;

namespace {

constexpr std::uint64_t kTop = ~std::uint64_t{0};

base::Result<MemoryTable> table_of(std::vector<Region> regions) {
    return MemoryTable::create(std::move(regions));
}

}  // namespace

TEST_CASE("addresses translate inside a region and nowhere else") {
    std::vector<std::byte> storage(4096);
    const MemoryTable table = table_of({{0x1000, 0x9000, storage}}).value();
    CHECK(table.user_range(0x9000, 4096).data() == storage.data());
    CHECK(table.user_range(0x9FFF, 1).data() == storage.data() + 4095);
    CHECK(table.user_range(0x9001, 4096).empty());
    CHECK(table.user_range(0x8FFF, 1).empty());
    CHECK(table.user_range(0x1000, 1).empty());
    CHECK(table.guest_range(0x1000, 4096).size() == 4096);
    CHECK(table.guest_range(kTop, 2).empty());
    CHECK(table.guest_range(0x1800, kTop).empty());
}

TEST_CASE("a range may run over neighbouring regions but not over a gap") {
    std::vector<std::byte> first(4096);
    std::vector<std::byte> second(4096);
    std::vector<std::byte> third(4096);
    const MemoryTable table =
        table_of({{0x3000, 0x20000, third}, {0x1000, 0x10000, first}, {0x4000, 0x30000, second}})
            .value();
    std::vector<iovec> pieces;
    REQUIRE(table.append_guest_range(0x3800, 0x1000, pieces));
    REQUIRE(pieces.size() == 2);
    CHECK(pieces[0].iov_base == third.data() + 0x800);
    CHECK(pieces[0].iov_len == 0x800);
    CHECK(pieces[1].iov_base == second.data());
    CHECK_FALSE(table.append_guest_range(0x1800, 0x1000, pieces));
    CHECK_FALSE(table.append_guest_range(0x4800, 0x801, pieces));
    CHECK(pieces.size() == 2);
    CHECK(table.append_guest_range(0xDEAD0000, 0, pieces));
    CHECK(pieces.size() == 2);
}

TEST_CASE("a region at the very top of the address space works to its last byte") {
    std::vector<std::byte> storage(4096);
    const MemoryTable table = table_of({{kTop - 4096, kTop - 4096, storage}}).value();
    CHECK(table.guest_range(kTop - 1, 1).data() == storage.data() + 4095);
    CHECK(table.guest_range(kTop, 1).empty());
}

TEST_CASE("regions that overlap, wrap, are empty or too many are refused") {
    std::vector<std::byte> storage(4096);
    CHECK_FALSE(table_of({{0, 0, storage}, {4095, 0x10000, storage}}).ok());
    CHECK_FALSE(table_of({{0, 0, storage}, {0x10000, 4095, storage}}).ok());
    CHECK_FALSE(table_of({{4095, 0x10000, storage}, {0, 0, storage}}).ok());
    CHECK(table_of({{0, 0, storage}, {4096, 4096, storage}}).ok());
    CHECK_FALSE(table_of({{kTop - 100, 0, storage}}).ok());
    CHECK_FALSE(table_of({{0, kTop - 100, storage}}).ok());
    CHECK_FALSE(table_of({{0, 0, {}}}).ok());
    std::vector<Region> many;
    for (std::uint64_t index = 0; index < 9; ++index) {
        many.push_back({index * 4096, index * 4096, storage});
    }
    CHECK_FALSE(table_of(many).ok());
}
