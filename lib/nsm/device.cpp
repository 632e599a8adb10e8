// Encode, exchange, decode: one line each.
#include "nsm/device.h"

#include "nsm/protocol.h"

namespace nsm {

using base::Result;

namespace {

class Device : public Module {
  public:
    explicit Device(base::Fd fd) : fd_(std::move(fd)) {}

    Result<Description> describe() override {
        return protocol::decode_describe(TRY(ask(protocol::encode_describe())));
    }
    Result<std::vector<std::byte>> random() override {
        return protocol::decode_random(TRY(ask(protocol::encode_random())));
    }
    Result<Register> describe_pcr(std::uint16_t index) override {
        return protocol::decode_describe_pcr(TRY(ask(protocol::encode_describe_pcr(index))));
    }
    Result<std::vector<std::byte>> extend_pcr(std::uint16_t index,
                                              std::span<const std::byte> data) override {
        const auto request = TRY(protocol::encode_extend_pcr(index, data));
        return protocol::decode_extend_pcr(TRY(ask(request)));
    }
    Result<void> lock_pcr(std::uint16_t index) override {
        return protocol::decode_lock_pcr(TRY(ask(protocol::encode_lock_pcr(index))));
    }
    Result<void> lock_pcrs(std::uint16_t range) override {
        return protocol::decode_lock_pcrs(TRY(ask(protocol::encode_lock_pcrs(range))));
    }
    Result<std::vector<std::byte>> attest(const AttestationRequest& request) override {
        const auto encoded = TRY(protocol::encode_attest(request));
        return protocol::decode_attest(TRY(ask(encoded)));
    }

  private:
    Result<std::vector<std::byte>> ask(std::span<const std::byte> request) const {
        return exchange(fd_.get(), request);
    }

    base::Fd fd_;
};

}  // namespace

Result<std::unique_ptr<Module>> open_device(const std::string& path) {
    base::Fd fd = TRY(open_device_file(path));
    return std::unique_ptr<Module>(new Device(std::move(fd)));
}

}  // namespace nsm
