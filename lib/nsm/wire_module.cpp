// Encode, exchange, decode: one line each.
#include "nsm/wire_module.h"

#include "nsm/protocol.h"

namespace nsm {

using base::Result;

namespace {

class WireModule : public Module {
  public:
    explicit WireModule(Exchange exchange) : exchange_(std::move(exchange)) {}

    Result<Description> describe() override {
        return protocol::decode_describe(TRY(exchange_(protocol::encode_describe())));
    }
    Result<std::vector<std::byte>> random() override {
        return protocol::decode_random(TRY(exchange_(protocol::encode_random())));
    }
    Result<Register> describe_pcr(std::uint16_t index) override {
        return protocol::decode_describe_pcr(TRY(exchange_(protocol::encode_describe_pcr(index))));
    }
    Result<std::vector<std::byte>> extend_pcr(std::uint16_t index,
                                              std::span<const std::byte> data) override {
        const auto request = TRY(protocol::encode_extend_pcr(index, data));
        return protocol::decode_extend_pcr(TRY(exchange_(request)));
    }
    Result<void> lock_pcr(std::uint16_t index) override {
        return protocol::decode_lock_pcr(TRY(exchange_(protocol::encode_lock_pcr(index))));
    }
    Result<void> lock_pcrs(std::uint16_t range) override {
        return protocol::decode_lock_pcrs(TRY(exchange_(protocol::encode_lock_pcrs(range))));
    }
    Result<std::vector<std::byte>> attest(const AttestationRequest& request) override {
        const auto encoded = TRY(protocol::encode_attest(request));
        return protocol::decode_attest(TRY(exchange_(encoded)));
    }

  private:
    Exchange exchange_;
};

}  // namespace

std::unique_ptr<Module> make_wire_module(Exchange exchange) {
    return std::unique_ptr<Module>(new WireModule(std::move(exchange)));
}

}  // namespace nsm
