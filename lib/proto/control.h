// The control protocol between initd and initctl. Specification: initd-control(5). No I/O here.
//
// Every frame, both directions, integers big-endian:
//
//   offset size field   meaning
//        0    4 length  bytes of the payload, at most kMaximumPayload
//        4    1 kind    Kind
//        5    3 zero    anything else is bad
//        8    n payload a sequence of fields
//
// A field (fields.h) has an id of FieldId; its value is text or a number.
//
// History
//   1  first
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "proto/fields.h"

namespace proto::control {

inline constexpr std::uint64_t kMinimumVersion = 1;
inline constexpr std::uint64_t kCurrentVersion = 1;

inline constexpr std::size_t kHeaderBytes = 8;
// A reply holds at most one record or one piece of a log.
inline constexpr std::size_t kMaximumPayload = 16 * 1024;
inline constexpr std::size_t kMaximumRequestPayload = 8 * 1024;

// Numbers are never used again for another meaning.
enum class Kind : std::uint8_t {
    // Requests.
    hello = 1,        // minimum_version, current_version; first frame of a connection
    ping = 2,         //
    list = 3,         // -> service..., done
    status = 4,       // name -> service, done
    start = 5,        // name
    stop = 6,         // name
    restart = 7,      // name
    enable = 8,       // name; undoes disable
    disable = 9,      // name; for this boot
    reload = 10,      // -> change..., done; text sums it up
    logs = 11,        // [name], [lines], [follow] -> log..., done; with follow no done
    events = 12,      // -> event..., until the client closes
    processes = 13,   // [pid] -> process..., done
    signal = 14,      // pid, signal
    run = 15,         // argument..., [name], [variable...], [user_name], [folder], [wait]
                      // -> [service,] done; text is the name
    system = 16,      // -> system, done
    end_system = 17,  // end_how
    // Replies.
    welcome = 64,  // minimum_version, current_version
    done = 65,     // the request was carried out; [text] says what was done
    failed = 66,   // code (an exit code), text
    service = 67,
    change = 68,  // name, change
    log = 69,     // text: whole lines; or lost_lines, lost_bytes
    event = 70,   // time_ms, name, state, reason, [text]; or lost_lines, lost_bytes
    process = 71,
    system_facts = 72,
};

enum class FieldId : std::uint8_t {
    minimum_version = 1,
    current_version = 2,
    name = 3,
    text = 4,
    code = 5,
    lines = 6,
    follow = 7,
    pid = 8,
    signal = 9,
    argument = 10,  // text, repeated: a program and its arguments
    end_how = 11,   // EndHow
    state = 12,     // text: a name of service.yaml(5)
    type = 13,      // text
    enabled = 14,   // 0 or 1
    critical = 15,  // 0 or 1
    starts = 16,
    since_ms = 17,        // milliseconds since the state was entered
    ending = 18,          // text: "exited", "signaled", "cannot start"
    ending_value = 19,    // exit code, signal number or errno
    ending_step = 20,     // text: the step that failed
    restart_policy = 21,  // text
    next_start_ms = 22,   // milliseconds until the next start, when backing off
    memory_bytes = 23,
    cpu_us = 24,
    tasks = 25,
    after = 26,        // text, repeated
    needed = 27,       // text, repeated: the key `requires`
    wanted = 28,       // text, repeated: the key `wants`
    status_text = 29,  // text: what a service says about itself
    parent_pid = 30,
    user_id = 31,
    process_state = 32,  // text: one letter of proc(5)
    resident_bytes = 33,
    service_name = 34,
    uptime_ms = 35,
    services = 36,
    services_up = 37,
    services_failed = 38,
    version = 39,
    hostname = 40,
    phase = 41,    // text: running, stopping, lingering
    reason = 42,   // text
    time_ms = 43,  // since 1970, by the enclave's clock
    lost_lines = 44,
    lost_bytes = 45,
    change = 46,    // text: kept, updated, restarted, added, removed
    variable = 47,  // text, repeated: KEY=VALUE
    clients = 48,
    before = 49,           // text, repeated
    ready = 50,            // 0 or 1
    ready_by = 51,         // text: what makes it ready, if not its start
    ending_cause = 52,     // text: why initd ended it, if that was no request
    health = 53,           // text: what its health checks say, if it has any
    user_name = 54,        // text
    folder = 55,           // text: a path
    wait = 56,             // 1 waits for the end
    transient = 57,        // 1: it was run by a request, no file describes it
    sidecar = 58,          // 1: the enclave does not wait for its end
    longest_turn_us = 64,  // processor time of the longest turn of the loop
};

enum class EndHow : std::uint64_t { poweroff = 1, reboot = 2, halt = 3 };

// Builds one frame in memory that the caller owns. It never allocates: what does not fit is left
// out and ok() turns false; text longer than a field can hold is cut.
class FrameWriter {
  public:
    FrameWriter(std::span<std::byte> memory, Kind kind);

    FrameWriter& number(FieldId id, std::uint64_t value);
    FrameWriter& text(FieldId id, std::string_view value);
    bool ok() const { return ok_; }
    // Bytes a text field could still take.
    std::size_t room() const;
    // The frame so far, its length filled in. Borrows the memory.
    std::span<const std::byte> finish();

  private:
    std::span<std::byte> memory_;
    std::size_t used_ = kHeaderBytes;
    bool ok_ = true;
};

using Field = proto::Field<FieldId>;

// One decoded frame. Borrows the input.
class Frame {
  public:
    Kind kind() const { return kind_; }

    // The first field with the id, if there is one of the right shape.
    std::optional<std::string_view> text(FieldId id) const { return fields_.text(id); }
    std::optional<std::uint64_t> number(FieldId id) const { return fields_.number(id); }
    // Calls `visit(Field)` for every field, in order.
    template <typename Visit>
    void for_each(Visit visit) const {
        fields_.for_each(visit);
    }

  private:
    friend struct Decoded;
    friend struct Decoded decode(std::span<const std::byte> input);
    Kind kind_{};
    Fields<FieldId> fields_;
};

struct Decoded {
    enum class Outcome { frame, need_more, bad } outcome = Outcome::need_more;
    Frame frame;
    std::size_t used_bytes = 0;    // of the input, when there is a frame
    std::string_view bad_because;  // when bad: the field at fault and why
};

// Decodes the frame at the front of `input`. Total: every input gives one of the three outcomes.
// Unknown kinds are frames; who dispatches them answers.
Decoded decode(std::span<const std::byte> input);

}  // namespace proto::control
