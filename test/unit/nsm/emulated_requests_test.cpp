// The emulator's side of the wire: what protocol.h writes is understood, and what is no request is
// refused by the right name.
#include "nsm/emulated_requests.h"

#include <catch2/catch_test_macros.hpp>

#include "base/text.h"
#include "nsm/protocol.h"

namespace emulated = nsm::emulated;
using emulated::Bytes;

namespace {

std::string reason(const Bytes& request) {
    const emulated::Request decoded = emulated::decode_request(request);
    const auto* refusal = std::get_if<emulated::Refusal>(&decoded);
    return refusal == nullptr ? "accepted" : std::string(refusal->reason);
}

std::string reason(std::string_view digits) {
    return reason(base::from_hex(digits).value());
}

}  // namespace

TEST_CASE("requests arrive as they were meant") {
    CHECK(std::holds_alternative<emulated::Describe>(
        emulated::decode_request(nsm::protocol::encode_describe())));
    CHECK(std::holds_alternative<emulated::Random>(
        emulated::decode_request(nsm::protocol::encode_random())));
    CHECK(std::get<emulated::DescribePcr>(
              emulated::decode_request(nsm::protocol::encode_describe_pcr(300)))
              .index == 300);
    CHECK(std::get<emulated::LockPcr>(emulated::decode_request(nsm::protocol::encode_lock_pcr(7)))
              .index == 7);
    CHECK(std::get<emulated::LockPcrs>(emulated::decode_request(nsm::protocol::encode_lock_pcrs(9)))
              .range == 9);
    const auto extend = std::get<emulated::ExtendPcr>(emulated::decode_request(
        nsm::protocol::encode_extend_pcr(16, base::as_bytes("data")).value()));
    CHECK(extend.index == 16);
    CHECK(base::as_text(extend.data) == "data");
    nsm::AttestationRequest fields;
    fields.nonce.emplace();
    fields.user_data.emplace(512, std::byte{1});
    const auto attest = std::get<emulated::Attest>(
        emulated::decode_request(nsm::protocol::encode_attest(fields).value()));
    CHECK(attest.fields.nonce == fields.nonce);
    CHECK(attest.fields.user_data == fields.user_data);
    CHECK_FALSE(attest.fields.public_key);
}

TEST_CASE("what is no request is refused") {
    CHECK(reason("") == "InvalidArgument");
    CHECK(reason("00") == "InvalidOperation");
    CHECK(reason("a0") == "InvalidOperation");
    CHECK(reason("634e6f70") == "InvalidOperation");                           // "Nop"
    CHECK(reason("a1634e6f70a0") == "InvalidOperation");                       // {"Nop": {}}
    CHECK(reason("a1674c6f636b504352a0") == "InvalidArgument");                // no index
    CHECK(reason("a1674c6f636b504352a165696e64657820") == "InvalidArgument");  // -1
    CHECK(reason("a1674c6f636b504352a165696e6465781a00010000") == "InvalidArgument");
    CHECK(reason("a1674c6f636b504352a165696e64657800") == "accepted");
    CHECK(reason("a1674c6f636b504352a165696e6465780000") == "InvalidArgument");  // trailing
    CHECK(reason("a16b4174746573746174696f6ea1656e6f6e636500") == "InvalidArgument");
    std::string nonce = "a16b4174746573746174696f6ea1656e6f6e6365590201" + std::string(1026, '0');
    CHECK(reason(nonce) == "InputTooLarge");
    CHECK(reason("a16b4174746573746174696f6ea16a7075626c69635f6b657940") == "InvalidArgument");
}
