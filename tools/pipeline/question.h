// A stream that asks one thing and ends with the status that answers it.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "client.h"

namespace pipeline {

class Question : public StreamUser {
  public:
    explicit Question(Client& client) : client_(client) {}

    // Runs the loop until the answer is there. It borrows from the object. A status that tells an
    // error is that Error.
    base::Result<proto::pipeline::Fields> ask(const proto::pipeline::Payload& request);

    // What comes before the status; dropped unless somebody overrides this.
    virtual base::Result<void> take(std::uint8_t channel, std::span<const std::byte> bytes);

    void on_data(std::uint8_t channel, std::span<const std::byte> bytes) override;
    void on_end(std::uint8_t) override {}
    void on_status(const proto::pipeline::Fields& fields) override;
    void on_lost(const base::Error& error) override;

  private:
    Client& client_;
    std::unique_ptr<Stream> stream_;
    std::vector<std::byte> answer_;
    std::optional<base::Error> failure_;
    bool over_ = false;
};

}  // namespace pipeline
