// The sending engine of a copy: bytes of the stream out, answers in. It runs on either side, has
// no loop and no connection, and reads the disk in bounded pieces.
//
//   while the stream has room:    fill(room)            State says what to wait for
//   when bytes came back:         take_answers(bytes)   then fill() again
//
// Parallel streams (--streams N): N senders with `part` set, over N streams, each for a range of
// one file; at the other side N receivers write them into the same partial file. When all have
// ended, a usual resumed transfer of the same file finds that partial file, compares it by its
// SHA-256 and gives it its name. If a part was lost, it sends again what differs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "copy_attributes.h"
#include "copy_folder_list.h"
#include "copy_reader.h"
#include "copy_source.h"
#include "copy_types.h"

namespace pipeline {

struct SendOptions {
    bool archive = false;  // owners and extended attributes
    bool resume = false;   // asks what is there already: a round trip for each file
    // [offset, offset + length) of a file with a size. The file is of shape `part`.
    struct Part {
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };
    std::optional<Part> part;
};

class CopySender {
  public:
    enum class State {
        more,            // call fill() again when there is room
        waiting_answer,  // nothing to send before the receiver answers
        waiting_input,   // the source is a stream with nothing to read now
        done,            // the receiver has everything and said so
        failed,          // the receiver stopped, or broke the protocol: see failures
    };
    struct Filled {
        std::size_t bytes = 0;  // at the front of the buffer, in every state
        State state = State::more;
    };

    CopySender(CopySource source, SendOptions options);

    // Puts up to out.size() bytes of the stream into `out`; it may leave up to 4 KiB of it free. A
    // call reads at most out.size() bytes, and hashes at most kMaximumHole beside.
    Filled fill(std::span<std::byte> out);
    // Bytes of the back channel, in any pieces. What is refused turns up among the failures.
    void take_answers(std::span<const std::byte> bytes);

    CopyFailures& failures() { return failures_; }
    // Not empty when the receiver broke the protocol.
    const std::string& bad_because() const { return bad_because_; }
    const CopyProgress& progress() const { return progress_; }
    // Of the single file, or part, that was sent; of a tree the digest over its records.
    std::optional<DigestBytes> digest() const { return digest_; }
    // What the receiver said in the end; its failures include our own.
    const proto::copy::Totals& result() const { return result_; }

  private:
    enum class Phase { begin, next, asked, prefix, content, end, waiting_done, done, failed };
    struct Level {
        base::Fd folder;
        FolderList names;
        std::uint64_t serial = 0;
        std::size_t path_length = 0;  // of the path above it
    };

    void put(const proto::copy::Record& record);
    void step(std::span<std::byte> scratch);
    void begin();
    void next_entry();
    void leave();
    void send_folder(const char* name);
    void send_file(const char* name);
    void send_link(const char* name, const struct stat& status);
    bool send_hard_link(const char* name, const struct stat& status);
    void open_file(base::Fd fd, const struct stat& status, const std::string& name, bool linked);
    void put_attributes(const struct stat& status, const Attributes& attributes);
    void enter(base::Fd fd, const struct stat& status, const char* name);
    void content(std::span<std::byte> out, std::size_t& produced);
    void prefix(std::span<std::byte> scratch);
    void end_file();
    void drop_file(const Trouble& trouble, bool refused);
    void fail_entry(const std::string& name, const Trouble& trouble);
    std::string path_of(const std::string& name) const;
    void answer(const proto::copy::Record& record);
    void answer_have(const proto::copy::Have& have);
    void answer_refused(const proto::copy::Refused& refused);
    void answer_done(const proto::copy::Done& done);
    void break_off(std::string why);

    CopySource source_;
    SendOptions options_;
    Phase phase_ = Phase::begin;
    bool waiting_input_ = false;

    std::vector<std::byte> pending_;  // encoded and not handed out yet
    std::size_t pending_at_ = 0;
    std::vector<std::byte> answers_;  // the beginning of an answer

    std::vector<Level> levels_;
    std::string path_;  // of the folder under way
    std::optional<FileReader> reader_;
    std::string file_name_;
    std::uint64_t file_serial_ = 0;
    std::pair<dev_t, ino_t> file_inode_{};
    proto::copy::Have have_;

    // Files with several names whose other names may still come.
    struct Linked {
        std::string path;
        std::uint64_t left = 0;
    };
    std::map<std::pair<dev_t, ino_t>, Linked> linked_;

    ContentDigest tree_;
    proto::copy::Totals sent_;
    proto::copy::Totals result_;
    CopyProgress progress_;
    CopyFailures failures_;
    std::optional<DigestBytes> digest_;
    std::string bad_because_;
};

}  // namespace pipeline
