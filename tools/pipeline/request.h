// What a client asks for, as the fields of an open frame. Pure. Page: pipeline-wire(5).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "copy_destination.h"
#include "decision.h"
#include "proto/pipeline.h"

namespace pipeline {

struct TerminalRequest {
    std::string type;  // TERM
    std::uint16_t rows = 24;
    std::uint16_t columns = 80;
};

// A command, or the user's shell when `shell` is set.
struct RunRequest {
    bool shell = false;
    std::vector<std::string> arguments;  // a program and its arguments, or
    std::optional<std::string> command;  // a text for sh -c
    std::vector<std::string> variables;  // KEY=VALUE
    std::string folder;                  // to start in; "" for the user's own
    std::string user;                    // "" for the key's
    std::optional<std::chrono::milliseconds> time_limit;
    bool input = false;    // standard input follows
    bool no_wait = false;  // becomes a job
    std::optional<TerminalRequest> terminal;
};

proto::pipeline::Payload encode(const RunRequest& request);
// Errors (protocol) name the field.
base::Result<RunRequest> decode_run(const proto::pipeline::Fields& fields);

// How a command ended.
struct RunStatus {
    std::optional<int> exit_code;
    std::optional<int> signal;
    bool timed_out = false;
};

proto::pipeline::Payload encode(const RunStatus& status);

// Where the receiving side puts what it gets, and what the sending side takes.
struct CopyRequest {
    std::string path;         // on the server
    std::string source_name;  // put: the last name of the source, for style into
    CopyStyle style = CopyStyle::into;
    bool archive = false;
    bool resume = false;
    struct Part {
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };
    std::optional<Part> part;  // of one file
};

proto::pipeline::Payload encode(Operation operation, const CopyRequest& request);
base::Result<CopyRequest> decode_copy(const proto::pipeline::Fields& fields);

// Arguments as a person would type them, for logs and for PIPELINE_ORIGINAL_COMMAND.
std::string typed_command(const RunRequest& request);

// Window sizes and signals while a command runs.
proto::pipeline::Payload encode_window(std::uint16_t rows, std::uint16_t columns);
proto::pipeline::Payload encode_signal(int signal);

}  // namespace pipeline
