// Sending the request, reading the status.
#include "question.h"

#include <sys/socket.h>

#include "base/format.h"

namespace pf_proxy {

using base::Error;
using base::Result;
using proto::pf_proxy::Status;
using proto::pf_proxy::StatusCode;

Result<std::unique_ptr<Question>> Question::start(loop::Loop& loop,
                                                  std::unique_ptr<loop::Edge> stream,
                                                  const Destination& destination,
                                                  std::chrono::milliseconds limit, Done done) {
    std::byte memory[proto::pf_proxy::kMaximumRequestBytes];
    const std::span<const std::byte> bytes =
        proto::pf_proxy::encode_request(to_request(destination), memory);
    if (bytes.empty()) {
        Error error(base::ExitCode::data,
                    fmt::format("{} cannot be asked for", to_string(destination)));
        error.errno_value = EINVAL;
        return error;
    }
    std::unique_ptr<Question> question(new Question(std::move(stream), std::move(done)));
    Question* self = question.get();
    // A stream on which nothing was sent takes so few bytes whole. One that is gone already shows
    // that when it is read.
    (void)::send(self->stream_->fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    question->reader_ = TRY(HeaderReader::start(
        loop, *self->stream_, {limit, limit},
        [](std::span<const std::byte> input) {
            return look(proto::pf_proxy::decode_status(input));
        },
        [self](HeaderReader::Ending ending, std::span<const std::byte> input) {
            self->heard(ending, input);
        }));
    return question;
}

void Question::heard(HeaderReader::Ending ending, std::span<const std::byte> bytes) {
    Answer answer;
    answer.stream = std::move(stream_);
    switch (ending) {
        case HeaderReader::Ending::whole:
            answer.status = proto::pf_proxy::decode_status(bytes).value;
            break;
        case HeaderReader::Ending::late: answer.status = {StatusCode::failed, ETIMEDOUT, {}}; break;
        case HeaderReader::Ending::bad:
        case HeaderReader::Ending::ended:
            answer.silent = bytes.empty();
            answer.status = {StatusCode::failed, ECONNRESET, {}};
            break;
    }
    const Done done = std::move(done_);
    done(std::move(answer));  // may destroy this
}

}  // namespace pf_proxy
