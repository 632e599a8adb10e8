// One transfer on the client.
#include "copy_client.h"

#include <sys/stat.h>

#include "status.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using base::Result;

namespace {

mode_t process_umask() {
    const mode_t mask = ::umask(022);
    ::umask(mask);
    return mask;
}

template <typename Engine>
CopyOutcome outcome_of(Engine& engine) {
    CopyOutcome outcome;
    outcome.entries = engine.result().entries;
    outcome.bytes = engine.result().bytes;
    outcome.digest = engine.digest();
    outcome.failure_count = engine.failures().count();
    outcome.failures = engine.failures().take();
    return outcome;
}

}  // namespace

Result<void> CopyClient::send(CopySource source, const CopyRequest& request) {
    SendOptions options;
    options.archive = request.archive;
    options.resume = request.resume;
    if (request.part.has_value()) {
        options.part = SendOptions::Part{request.part->offset, request.part->length};
    }
    stream_ = TRY(client_.connection().open(encode(Operation::put, request), *this));
    sending_ = TRY(SendingCopy::create(client_.loop(), *stream_, std::move(source), options,
                                       [this] { engine_over(); }));
    sending_->moved = [this] {
        const CopyProgress& progress = sending_->engine().progress();
        if (moved) moved(progress.bytes, progress.file_size);
    };
    return {};
}

Result<void> CopyClient::receive(CopyTarget target, const CopyRequest& request) {
    ReceiveOptions options;
    options.attributes.archive = request.archive;
    options.attributes.umask = process_umask();
    options.resume = request.resume;
    stream_ = TRY(client_.connection().open(encode(Operation::get, request), *this));
    receiving_ = TRY(ReceivingCopy::create(client_.loop(), *stream_, std::move(target), options,
                                           [this] { engine_over(); }));
    receiving_->moved = [this] {
        const CopyProgress& progress = receiving_->engine().progress();
        if (moved) moved(progress.bytes, progress.file_size);
    };
    return {};
}

void CopyClient::on_data(std::uint8_t, std::span<const std::byte> bytes) {
    if (sending_ != nullptr) return sending_->on_data(bytes);
    receiving_->on_data(bytes);
}

void CopyClient::on_room() {
    if (sending_ != nullptr) return sending_->on_room();
    receiving_->on_room();
}

void CopyClient::engine_over() {
    engine_over_ = true;
    // A peer that broke the rules of the records is not waited for.
    const std::string& bad =
        sending_ != nullptr ? sending_->engine().bad_because() : receiving_->engine().bad_because();
    if (bad.empty()) return;
    stream_->reset(Error(ExitCode::protocol, bad));
    on_lost(Error(ExitCode::protocol, "the server broke the rules of a copy: " + bad));
}

void CopyClient::on_status(const proto::pipeline::Fields& fields) {
    failure_ = error_of(fields);
    if (!failure_.has_value() && sending_ != nullptr) sending_->conclude();
    if (!failure_.has_value() && receiving_ != nullptr) receiving_->conclude();
    if (!failure_.has_value() && !engine_over_) {
        failure_ = Error(ExitCode::protocol, "the server ended a copy that was not complete");
    }
    over_ = true;
    client_.stop();
}

void CopyClient::on_lost(const Error& error) {
    failure_ = error;
    over_ = true;
    client_.stop();
}

Result<CopyOutcome> CopyClient::outcome() {
    if (failure_.has_value()) return *failure_;
    if (sending_ != nullptr) return outcome_of(sending_->engine());
    return outcome_of(receiving_->engine());
}

}  // namespace pipeline
