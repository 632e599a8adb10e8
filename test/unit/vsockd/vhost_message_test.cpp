// vhost-user messages, and the line of the host's door.
#include "vhost_message.h"

#include <catch2/catch_test_macros.hpp>

#include "base/bytes.h"
#include "base/text.h"
#include "connect_line.h"

using namespace vsockd;

namespace {

std::array<std::byte, kMessageHeaderBytes> header(std::uint32_t request, std::uint32_t flags,
                                                  std::uint32_t size) {
    std::array<std::byte, kMessageHeaderBytes> bytes{};
    base::store_le(std::span(bytes).subspan(0, 4), request);
    base::store_le(std::span(bytes).subspan(4, 4), flags);
    base::store_le(std::span(bytes).subspan(8, 4), size);
    return bytes;
}

base::Result<Payload> payload(Request request, std::size_t bytes, std::size_t descriptors = 0) {
    return decode_payload({request, false, static_cast<std::uint32_t>(bytes)},
                          std::vector<std::byte>(bytes), descriptors);
}

}  // namespace

TEST_CASE("message headers of version 1 are requests") {
    const base::Result<MessageHeader> read = decode_message_header(header(1, 9, 0));
    REQUIRE(read.ok());
    CHECK(read->request == Request::get_features);
    CHECK(read->wants_reply);
    CHECK_FALSE(decode_message_header(header(1, 0, 0)).ok());
    CHECK_FALSE(decode_message_header(header(1, 5, 0)).ok());
    CHECK_FALSE(decode_message_header(header(0, 1, 0)).ok());
    CHECK_FALSE(decode_message_header(header(6, 1, 0)).ok());
    CHECK_FALSE(decode_message_header(header(5, 1, 269)).ok());
}

TEST_CASE("every request has exactly one payload size") {
    for (std::size_t bytes = 0; bytes <= 48; ++bytes) {
        CHECK(payload(Request::get_features, bytes).ok() == (bytes == 0));
        CHECK(payload(Request::set_features, bytes).ok() == (bytes == 8));
        CHECK(payload(Request::set_ring_base, bytes).ok() == (bytes == 8));
        CHECK(payload(Request::set_ring_address, bytes).ok() == (bytes == 40));
        CHECK(payload(Request::set_ring_call, bytes, 1).ok() == (bytes == 8));
        CHECK(payload(Request::get_config, bytes).ok() == (bytes == 12));
        CHECK(payload(Request::set_memory_table, bytes).ok() == (bytes == 8));
    }
    CHECK_FALSE(payload(Request::set_ring_call, 8, 0).ok());
    CHECK_FALSE(payload(Request::set_ring_call, 8, 2).ok());
    CHECK_FALSE(payload(Request::get_features, 0, 1).ok());
}

TEST_CASE("a memory table has one descriptor for each region") {
    std::vector<std::byte> bytes(8 + 2 * 32);
    base::store_le<std::uint32_t>(std::span(bytes).subspan(0, 4), 2);
    for (const std::size_t at : {std::size_t{8}, std::size_t{40}}) {
        base::store_le<std::uint64_t>(std::span(bytes).subspan(at, 8), 0x1000 * at);
        base::store_le<std::uint64_t>(std::span(bytes).subspan(at + 8, 8), 4096);
        base::store_le<std::uint64_t>(std::span(bytes).subspan(at + 16, 8), 0x7000);
        base::store_le<std::uint64_t>(std::span(bytes).subspan(at + 24, 8), 64);
    }
    const MessageHeader table{Request::set_memory_table, false, 72};
    const base::Result<Payload> read = decode_payload(table, bytes, 2);
    REQUIRE(read.ok());
    const auto& memory = std::get<MemoryDescription>(read.value());
    REQUIRE(memory.regions.size() == 2);
    CHECK(memory.regions[1].guest_address == 0x28000);
    CHECK(memory.regions[1].bytes == 4096);
    CHECK(memory.regions[1].user_address == 0x7000);
    CHECK(memory.regions[1].file_offset == 64);
    CHECK_FALSE(decode_payload(table, bytes, 1).ok());
    CHECK_FALSE(decode_payload(table, std::span(bytes).first(71), 2).ok());
    base::store_le<std::uint64_t>(std::span(bytes).subspan(16, 8), 0);
    CHECK_FALSE(decode_payload(table, bytes, 2).ok());
    base::store_le<std::uint32_t>(std::span(bytes).subspan(0, 4), 0xFFFFFFFF);
    CHECK_FALSE(decode_payload(table, bytes, 2).ok());
}

TEST_CASE("replies carry the version and the reply flag") {
    CHECK(base::to_hex(encode_number_reply(Request::get_features, 0x0102)) ==
          "0100000005000000080000000201000000000000");
    CHECK(base::to_hex(encode_ring_state_reply(Request::get_ring_base, {1, 258})) ==
          "0b00000005000000080000000100000002010000");
}

TEST_CASE("a configuration access outside the eight bytes gets an empty answer") {
    const std::array<std::byte, 8> config{std::byte{16}};
    CHECK(encode_config_reply({0, 8, 0}, config).size() == 12 + 12 + 8);
    CHECK(encode_config_reply({8, 0, 0}, config).size() == 12 + 12);
    CHECK(encode_config_reply({1, 8, 0}, config).size() == 12);
    CHECK(encode_config_reply({0xFFFFFFFF, 8, 0}, config).size() == 12);
    CHECK(encode_config_reply({4, 0xFFFFFFFF, 0}, config).size() == 12);
}

TEST_CASE("only a whole line with a decimal port asks for a connection") {
    CHECK(parse_connect_line("CONNECT 80\n") == 80);
    CHECK(parse_connect_line("CONNECT 80\r\n") == 80);
    CHECK(parse_connect_line("CONNECT 4294967294\n") == 4294967294);
    for (const char* line :
         {"CONNECT 80", "CONNECT \n", "CONNECT 0\n", "CONNECT -1\n", "CONNECT 4294967295\n",
          "connect 80\n", "CONNECT  80\n", "CONNECT 80 \n", "CONNECT 0x50\n", "\n", ""}) {
        CHECK_FALSE(parse_connect_line(line).has_value());
    }
}
