// One question, one answer.
#include "question.h"

#include "status.h"

namespace pipeline {

using base::Error;
using base::Result;
using proto::pipeline::Fields;

Result<Fields> Question::ask(const proto::pipeline::Payload& request) {
    stream_ = TRY(client_.connection().open(request, *this));
    while (!over_)
        TRY(client_.run());
    if (failure_.has_value()) return *failure_;
    return Fields(answer_);
}

Result<void> Question::take(std::uint8_t, std::span<const std::byte>) {
    return {};
}

void Question::on_data(std::uint8_t channel, std::span<const std::byte> bytes) {
    const Result<void> taken = take(channel, bytes);
    if (!taken.ok() && !failure_.has_value()) failure_ = taken.error();
    stream_->consumed(bytes.size());
}

void Question::on_status(const Fields& fields) {
    if (!failure_.has_value()) failure_ = error_of(fields);
    answer_.assign(fields.payload().begin(), fields.payload().end());
    over_ = true;
    client_.stop();
}

void Question::on_lost(const Error& error) {
    failure_ = error;
    over_ = true;
    client_.stop();
}

}  // namespace pipeline
