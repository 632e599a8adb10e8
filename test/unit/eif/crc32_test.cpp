// The checksum's check value and the joining of pieces.
#include "crc32.h"

#include <catch2/catch_test_macros.hpp>

#include "base/text.h"

TEST_CASE("the CRC of 123456789 is the published check value, in one piece or joined") {
    eif::Crc32 whole;
    whole.update(base::as_bytes("123456789"));
    CHECK(whole.value() == 0xcbf43926);
    eif::Crc32 head;
    eif::Crc32 tail;
    head.update(base::as_bytes("1234"));
    tail.update(base::as_bytes("56789"));
    head.append(tail);
    CHECK(head.value() == whole.value());
    CHECK(head.size() == 9);
}
