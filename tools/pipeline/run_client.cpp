// A command on the other side, as if it were here.
#include "run_client.h"

#include <unistd.h>

#include <csignal>

#include "base/text.h"
#include "status.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using base::Result;
using proto::pipeline::FieldId;
using proto::pipeline::Fields;

namespace {

// What one JSON object may carry of each stream.
constexpr std::size_t kMaximumKept = std::size_t{64} * 1024 * 1024;

}  // namespace

Result<RunResult> RunClient::run(Client& client, const RunRequest& request, RunEnds ends) {
    RunClient self(client, ends.keep_output);
    TRY(self.begin(request, std::move(ends)));
    while (!self.ended_) {
        const Result<void> lost = client.run();
        if (!lost.ok() && !self.ended_) return lost.error();
    }
    // What has come is written, connection or not.
    while (!self.sink_over_[0] || !self.sink_over_[1])
        client.loop().run();
    if (self.failure_.has_value()) return *self.failure_;
    return std::move(self.result_);
}

Result<void> RunClient::begin(const RunRequest& request, RunEnds ends) {
    stream_ = TRY(client_.connection().open(encode(request), *this));
    if (ends.input.valid() && request.terminal.has_value() && is_terminal(ends.input.get())) {
        TRY(take_terminal(ends));
    } else if (ends.input.valid()) {
        input_ = TRY(StreamSource::create(client_.loop(), std::move(ends.input), *stream_, 0,
                                          [this](auto) { stream_->end(); }));
    }
    base::Fd outputs[2] = {std::move(ends.output), std::move(ends.error_output)};
    for (std::uint8_t channel = 0; channel < 2; ++channel) {
        if (keep_output_ || !outputs[channel].valid()) {
            sink_over_[channel] = true;
            continue;
        }
        sinks_[channel] =
            TRY(StreamSink::create(client_.loop(), std::move(outputs[channel]), *stream_,
                                   [this, channel](auto error) { sink_closed(channel, error); }));
    }
    signals_.emplace(TRY(ForwardedSignals::create(
        client_.loop(), [this](int signal) { stream_->send_event(encode_signal(signal)); })));
    return {};
}

// What is typed goes through as it is, but for the escapes; the size follows ours.
Result<void> RunClient::take_terminal(RunEnds& ends) {
    raw_.emplace(TRY(RawTerminal::enter(STDIN_FILENO)));
    size_.emplace(TRY(SizeWatch::create(client_.loop(), STDIN_FILENO, [this](TerminalSize size) {
        stream_->send_event(encode_window(size.rows, size.columns));
    })));
    keys_ = TRY(TerminalInput::create(
        client_.loop(), std::move(ends.input), *stream_, [this](Escape::Ask ask) { asked(ask); },
        [this] { stream_->end(); }));
    return {};
}

void RunClient::asked(Escape::Ask ask) {
    if (ask == Escape::Ask::help) {
        (void)base::write_all(STDERR_FILENO, base::as_bytes(kEscapeHelp), "standard error");
        return;
    }
    failure_ = Error(ExitCode::unavailable, "the session was ended by ~.");
    stream_->reset(*failure_);
    settle();
}

void RunClient::on_opened(const Fields& fields) {
    result_.job = fields.text(FieldId::job).value_or("");
}

void RunClient::on_data(std::uint8_t channel, std::span<const std::byte> bytes) {
    if (keep_output_) return keep(channel, bytes);
    if (sinks_[channel] == nullptr || sink_over_[channel]) return stream_->consumed(bytes.size());
    sinks_[channel]->take(bytes);
}

void RunClient::keep(std::uint8_t channel, std::span<const std::byte> bytes) {
    std::string& kept = channel == 0 ? result_.output : result_.error_output;
    if (kept.size() + bytes.size() > kMaximumKept) {
        failure_ = Error(ExitCode::data, "the command's output is too long for one object")
                       .with_hint("run it without --json");
        stream_->reset(*failure_);
        return settle();
    }
    kept.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    stream_->consumed(bytes.size());
}

void RunClient::on_status(const Fields& fields) {
    failure_ = error_of(fields);
    if (const auto code = fields.number(FieldId::exit_code)) {
        result_.status.exit_code = static_cast<int>(*code & 0xFF);
    }
    if (const auto signal = fields.number(FieldId::exit_signal)) {
        result_.status.signal = static_cast<int>(*signal & 0x7F);
    }
    result_.status.timed_out = fields.number(FieldId::timed_out) == 1;
    settle();
}

void RunClient::on_room() {
    if (input_ != nullptr) input_->on_room();
    if (keys_ != nullptr) keys_->on_room();
}

void RunClient::on_lost(const Error& error) {
    if (!failure_.has_value()) failure_ = error;
    settle();
}

// The command is over: what has come is still written.
void RunClient::settle() {
    ended_ = true;
    input_.reset();
    if (raw_.has_value()) raw_->leave();
    for (const auto& sink : sinks_) {
        if (sink != nullptr) sink->end();
    }
    client_.stop();
}

void RunClient::sink_closed(std::uint8_t channel, std::optional<Error> error) {
    sink_over_[channel] = true;
    client_.stop();
    if (!error.has_value()) return;
    if (error->errno_value == EPIPE) {
        // Nobody reads our output any more: as with a pipe, the command may know.
        if (!ended_) stream_->send_event(encode_signal(SIGPIPE));
        return;
    }
    failure_ = Error::system("write to", channel == 0 ? "standard output" : "standard error",
                             error->errno_value);
    if (ended_) return;
    stream_->reset(*failure_);
    settle();
}

}  // namespace pipeline
