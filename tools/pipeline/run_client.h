// The client's half of run and shell: standard streams, signals and window sizes on one side, a
// stream on the other.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client.h"
#include "request.h"
#include "stream_ends.h"
#include "terminal.h"
#include "terminal_input.h"

namespace pipeline {

struct RunResult {
    RunStatus status;
    std::string job;           // of no_wait
    std::string output;        // when they were to be kept
    std::string error_output;  //
};

// Where the command's streams end on this side.
struct RunEnds {
    base::Fd input;  // not valid: no input is passed
    base::Fd output;
    base::Fd error_output;
    bool keep_output = false;  // in the result instead of in descriptors
};

class RunClient : public StreamUser {
  public:
    // Runs the loop until the command has ended and its output is written.
    static base::Result<RunResult> run(Client& client, const RunRequest& request, RunEnds ends);

    void on_opened(const proto::pipeline::Fields& fields) override;
    void on_data(std::uint8_t channel, std::span<const std::byte> bytes) override;
    void on_end(std::uint8_t) override {}
    void on_status(const proto::pipeline::Fields& fields) override;
    void on_room() override;
    void on_lost(const base::Error& error) override;

  private:
    RunClient(Client& client, bool keep_output) : client_(client), keep_output_(keep_output) {}
    base::Result<void> begin(const RunRequest& request, RunEnds ends);
    base::Result<void> take_terminal(RunEnds& ends);
    void asked(Escape::Ask ask);
    void keep(std::uint8_t channel, std::span<const std::byte> bytes);
    void sink_closed(std::uint8_t channel, std::optional<base::Error> error);
    void settle();

    Client& client_;
    bool keep_output_;
    std::unique_ptr<Stream> stream_;
    std::unique_ptr<StreamSource> input_;
    std::unique_ptr<StreamSink> sinks_[2];
    bool sink_over_[2] = {false, false};
    std::unique_ptr<TerminalInput> keys_;
    std::optional<RawTerminal> raw_;
    std::optional<SizeWatch> size_;
    std::optional<ForwardedSignals> signals_;
    RunResult result_;
    std::optional<base::Error> failure_;
    bool ended_ = false;
};

}  // namespace pipeline
