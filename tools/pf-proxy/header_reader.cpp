// Reading up to what the decoder wants, until it wants no more.
#include "header_reader.h"

#include <sys/socket.h>

#include <cerrno>

namespace pf_proxy {

using base::Result;

Result<std::unique_ptr<HeaderReader>> HeaderReader::start(loop::Loop& loop, loop::Edge& stream,
                                                          Times times, Decode decode, Done done) {
    std::unique_ptr<HeaderReader> reader(
        new HeaderReader(loop, stream, times, std::move(decode), std::move(done)));
    HeaderReader* self = reader.get();
    reader->timer_ = TRY(loop::Timer::create(loop, [self] { self->finish(Ending::late); }));
    reader->bytes_.resize(reader->decode_({}).wanted_bytes);
    reader->timer_->start(times.first_byte);
    stream.tell(&self->turn_);
    return reader;
}

HeaderReader::~HeaderReader() {
    if (stream_ != nullptr) stream_->tell(nullptr);
}

void HeaderReader::read() {
    while (stream_->ready().readable) {
        const ssize_t count =
            ::recv(stream_->fd(), bytes_.data() + used_, bytes_.size() - used_, MSG_DONTWAIT);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            stream_->ready().readable = false;
            return;
        }
        if (count <= 0) return finish(Ending::ended);
        if (used_ == 0) timer_->start(times_.rest);
        used_ += static_cast<std::size_t>(count);
        const Look seen = decode_(std::span(bytes_).first(used_));
        if (seen.outcome == proto::Outcome::bad) return finish(Ending::bad);
        if (seen.outcome == proto::Outcome::done) return finish(Ending::whole);
        if (seen.wanted_bytes > bytes_.size()) bytes_.resize(seen.wanted_bytes);
    }
}

void HeaderReader::finish(Ending ending) {
    timer_.reset();
    stream_->tell(nullptr);
    stream_ = nullptr;
    const Done done = std::move(done_);
    const std::vector<std::byte> bytes = std::move(bytes_);
    done(ending, std::span(bytes).first(used_));  // may destroy this
}

}  // namespace pf_proxy
