// The client's half of a copy: one transfer over one stream, or a large file over several
// connections.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client.h"
#include "copy_stream.h"
#include "request.h"

namespace pipeline {

struct CopyOutcome {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
    std::optional<DigestBytes> digest;
    std::vector<CopyFailure> failures;
    std::uint64_t failure_count = 0;
};

// A transfer that somebody else's loop carries on until over().
class CopyClient : public StreamUser {
  public:
    // Called with the bytes that were carried so far, and the whole size where it is known.
    using Moved = std::function<void(std::uint64_t bytes, std::uint64_t size)>;

    explicit CopyClient(Client& client) : client_(client) {}
    // `source` is opened by the caller; `request` says where it goes there.
    base::Result<void> send(CopySource source, const CopyRequest& request);
    // `target` says where it goes here; what it points to outlives the transfer.
    base::Result<void> receive(CopyTarget target, const CopyRequest& request);

    bool over() const { return over_; }
    // When over: what was copied, or why nothing was.
    base::Result<CopyOutcome> outcome();
    Moved moved;

    void on_data(std::uint8_t channel, std::span<const std::byte> bytes) override;
    void on_end(std::uint8_t) override {}
    void on_room() override;
    void on_status(const proto::pipeline::Fields& fields) override;
    void on_lost(const base::Error& error) override;

  private:
    void engine_over();

    Client& client_;
    std::unique_ptr<Stream> stream_;
    std::unique_ptr<SendingCopy> sending_;
    std::unique_ptr<ReceivingCopy> receiving_;
    std::optional<base::Error> failure_;
    bool engine_over_ = false;
    bool over_ = false;
};

}  // namespace pipeline
