// The frames of pipeline's channel. Specification: pipeline-wire(5). No I/O here.
//
// Every frame, both directions, integers big-endian:
//
//   offset size field   meaning
//        0    1 kind    Kind
//        1    1 channel of a stream: 0 main (standard input, standard output), 1 standard error;
//                       0 in frames other than data and end
//        2    2 stream  0 for the connection itself; the client opens odd numbers, the server even
//        4    4 length  bytes of the payload, at most kMaximumPayload
//        8    n payload bytes of the stream (data), a number of 4 bytes (window), or fields
//                       (fields.h) with the ids of FieldId
//
// History
//   1  first
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "proto/fields.h"

namespace proto::pipeline {

inline constexpr std::uint64_t kMinimumVersion = 1;
inline constexpr std::uint64_t kCurrentVersion = 1;

inline constexpr std::size_t kHeaderBytes = 8;
// With its header a full frame fills four records of TLS, and one write of 64 KiB.
inline constexpr std::size_t kMaximumPayload = 64 * 1024 - kHeaderBytes;
// Credit of a new stream, for each direction: what may be under way unread.
inline constexpr std::uint32_t kInitialWindow = 256 * 1024;
inline constexpr std::uint32_t kMaximumWindow = 16 * 1024 * 1024;
inline constexpr std::size_t kMaximumStreams = 64;  // open at the same time
inline constexpr std::size_t kNonceBytes = 32;

// Numbers are never used again for another meaning.
enum class Kind : std::uint8_t {
    // Of the connection: stream 0.
    hello = 1,    // client first: minimum_version, current_version, nonce, software
    welcome = 2,  // minimum_version, current_version, software, document, limits
    refused = 3,  // code, text; instead of welcome or at any time: the sender closes
    ping = 4,     // the payload comes back in a pong
    pong = 5,
    // Of a stream.
    open = 16,    // operation and what it needs; makes the stream
    opened = 17,  // what is known at its start: job, address
    data = 18,    // bytes on a channel; takes credit
    end = 19,     // no more data on this channel from this side
    window = 20,  // credit given back: 4 bytes, a number over 0
    event = 21,   // rows and columns, or signal
    status = 22,  // how it ended; the last frame of whoever serves the stream
    reset = 23,   // code, text: the sender gives the stream up; nothing follows either way
};

// What a stream is opened for.
enum class Operation : std::uint64_t {
    run = 1,      // argument... or command; variable, folder, user, time_limit_ms, terminal, input,
                  // no_wait
    shell = 2,    // the user's login shell on a terminal
    put = 3,      // copy records from the opener: path, copy_flags (pipeline-copy(5))
    get = 4,      // copy records to the opener
    forward = 5,  // address: connected to by the other side
    listen = 6,   // address: the other side listens there and opens streams of `forward`
    info = 7,     // -> status with what is known of the server and its sessions
    control = 8,  // initd's control socket, initd-control(5)
    jobs = 9,     // [job] -> status with the key's jobs, or data with the output of one
};

enum class FieldId : std::uint8_t {
    minimum_version = 1,
    current_version = 2,
    software = 3,  // text: name and version
    nonce = 4,     // kNonceBytes
    document = 5,  // an attestation document
    code = 6,      // an exit code of enclavebox(7)
    text = 7,      // a sentence
    error = 8,     // errno
    operation = 9,
    argument = 10,       // repeated: a program and its arguments
    command = 11,        // for sh -c
    variable = 12,       // repeated: KEY=VALUE
    folder = 13,         // path
    user = 14,           // name or number
    time_limit_ms = 15,  //
    terminal = 16,       // text: the terminal's type; with it a terminal is made
    rows = 17,
    columns = 18,
    input = 19,  // 1: standard input follows as data; else it is empty
    no_wait = 20,
    job = 21,          // text
    signal = 22,       // number
    exit_code = 23,    // of a command
    exit_signal = 24,  // number, instead of exit_code
    timed_out = 26,    // 1: ended by its time limit
    bytes = 27,
    files = 28,
    digest = 29,       // SHA-256
    path = 30,         // bytes
    source_name = 31,  // bytes: a file name
    offset = 32,       // of a part, with length
    length = 33,
    address = 34,     // text: enclavebox(7)
    key = 35,         // text: fingerprint
    comment = 36,     // text
    sessions = 37,    // of the key, with this one
    style = 38,       // where a path leads: 0 the file, 1 the folder, 2 into or as (pipeline(1))
    archive = 39,     // 1: owners, extended attributes, set-id bits
    resume = 40,      // 1
    allowed = 41,     // text, repeated: an operation the key may ask for
    user_id = 42,     // whom the session runs as
    job_status = 43,  // text, repeated: a job as a line of JSON
    end_job = 44,     // 1: the job is asked to end
};

// Status of a stream as far as all operations share it: code, text, error, path, bytes, files,
// digest; run adds exit_code or exit_signal.

struct Header {
    Kind kind{};
    std::uint8_t channel = 0;
    std::uint16_t stream = 0;
    std::uint32_t length = 0;
};

// Writes the header to the first kHeaderBytes of `memory`.
void put_header(std::span<std::byte> memory, const Header& header);

// Fields in a vector that grows, for frames that are made now and then.
class Payload {
  public:
    Payload& number(FieldId id, std::uint64_t value);
    // Values are cut at what a field can hold.
    Payload& text(FieldId id, std::string_view value);
    Payload& bytes(FieldId id, std::span<const std::byte> value);
    std::span<const std::byte> view() const { return bytes_; }
    // False when it has grown past what a frame can carry.
    bool fits() const { return bytes_.size() <= kMaximumPayload; }

  private:
    std::vector<std::byte> bytes_;
};

using Fields = proto::Fields<FieldId>;

// One decoded frame. Borrows the input.
struct Frame {
    Header header;
    std::span<const std::byte> payload;
    // For frames that carry fields; empty for others.
    Fields fields;
};

struct Decoded {
    enum class Outcome { frame, need_more, bad } outcome = Outcome::need_more;
    Frame frame;
    std::size_t used_bytes = 0;    // of the input, when there is a frame
    std::string_view bad_because;  // when bad: the field at fault and why
};

// Decodes the frame at the front of `input`. Total: every input gives one of the three outcomes.
// A kind that is not in the list is bad: both sides speak an agreed version.
Decoded decode(std::span<const std::byte> input);

}  // namespace proto::pipeline
