// The receiving engine of a copy: bytes of the stream in, answers out. It runs on either side, has
// no loop and no connection, trusts nothing that the sender says, and writes the disk in bounded
// pieces.
//
//   when bytes came:            take(bytes)     State says what to wait for; the rest again later
//   when there is room:         answers(), then answered(n) for what was sent of them
//
// Everything is made by single names in folders that are held open (jail.h). No file has its name
// before its digest was right and its content synced; what the destructor finds unfinished goes,
// except the partial files of a resumed transfer.
//
// Part of a shared partial file: a stream of shape `part` writes its range into the file that a
// resumed transfer of the same name will offer (copy_send.h), and gives it no name. Several
// receivers do this for one file at the same time, each with its lock shared.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "copy_attributes.h"
#include "copy_commit.h"
#include "copy_destination.h"
#include "copy_file_writer.h"
#include "copy_types.h"

namespace pipeline {

struct ReceiveOptions {
    AttributeRules attributes;
    bool resume = false;    // keeps partial files, and offers them and what is complete
    bool overwrite = true;  // replaces files and links; folders are never replaced
    std::uint64_t maximum_bytes = proto::copy::kMaximumSize;  // of content, holes included
    std::uint64_t maximum_entries = UINT64_MAX;
    // For a partial file that another transfer holds: one that was cut off needs a moment to
    // notice.
    std::chrono::milliseconds patience{5000};
};

class CopyReceiver {
  public:
    enum class State {
        more,             // everything given was taken
        again,            // there is work left: call again, with the rest or nothing
        waiting_answers,  // too many answers were not fetched: send some, then call again
        waiting_output,   // the sink takes nothing now
        done,             // the last answer is among answers()
        failed,           // it is over; an answer that says so may be among answers()
    };
    struct Taken {
        std::size_t bytes = 0;  // of the front of what was given
        State state = State::more;
    };

    CopyReceiver(CopyTarget target, ReceiveOptions options);
    CopyReceiver(CopyReceiver&&) = delete;
    CopyReceiver& operator=(CopyReceiver&&) = delete;

    // A call writes what it is given, and beside that hashes at most kMaximumHole or syncs at most
    // 64 files. With nothing given it does work that is left.
    Taken take(std::span<const std::byte> bytes);

    std::span<const std::byte> answers() const { return std::span(answers_).subspan(answered_); }
    void answered(std::size_t bytes);

    CopyFailures& failures() { return failures_; }
    // Not empty when the sender broke the protocol.
    const std::string& bad_because() const { return bad_because_; }
    const CopyProgress& progress() const { return progress_; }
    // When done: of the file or part, or of the tree's records; none if it was refused.
    std::optional<DigestBytes> digest() const { return digest_; }
    const proto::copy::Totals& result() const { return counted_; }

  private:
    enum class Phase { begin, top, entries, asked, from, content, end, flushing, done, failed };
    struct Level {
        std::shared_ptr<TargetFolder> folder;  // none: refused, with everything in it
        std::string last_name;
        std::uint64_t serial = 0;
        std::size_t path_length = 0;  // of the path above it
        Attributes attributes;
        bool set_attributes = false;
    };

    // copy_receive.cpp
    std::optional<State> work();
    void gather(std::span<const std::byte>& bytes);
    void accept(std::span<const std::byte> raw, const proto::copy::Record& record);
    bool take_content(std::span<const std::byte>& bytes);
    void flush_step();
    void answer(const proto::copy::Record& record);
    void refuse(std::uint64_t serial, const std::string& path, const Trouble& trouble);
    void stop(const std::string& path, const Trouble& trouble);
    void bad(std::string why);
    std::string path_of(std::string_view name) const;

    // copy_receive_entries.cpp: one for each record
    void on(const proto::copy::Begin& record);
    void on(const proto::copy::Root& record);
    void on(const proto::copy::Folder& record);
    void on(const proto::copy::Leave& record);
    void on(const proto::copy::Link& record);
    void on(const proto::copy::HardLink& record);
    void on(const proto::copy::Owner& record);
    void on(const proto::copy::Xattr& record);
    void on(const proto::copy::Failed& record);
    void on(const proto::copy::End& record);
    // copy_receive_file.cpp
    void on(const proto::copy::File& record);
    void on(const proto::copy::From& record);
    void on(const proto::copy::Data& record);
    void on(const proto::copy::Hole& record);
    void on(const proto::copy::FileEnd& record);
    template <typename Other>
    void on(const Other&) {
        bad("a record that senders do not send");
    }

    bool begin_entry(std::string_view name, const char* what);
    bool in_entry_position(const char* what);
    Attributes take_attributes(std::uint32_t mode, const proto::copy::Time& time);
    MaybeTrouble make_level(const proto::copy::Folder& record, Level& level);
    MaybeTrouble make_link(const proto::copy::Link& record, const Attributes& attributes);
    MaybeTrouble open_file(const proto::copy::File& record);
    bool is_there_already(const proto::copy::File& record);
    bool count_bytes(std::uint64_t length);
    void offer();
    void refuse_file(const Trouble& trouble);
    void close_file();
    void finish_file(const proto::copy::FileEnd& record);
    MaybeTrouble commit_file();
    bool write_sink(std::span<const std::byte>& bytes);

    CopyTarget target_;
    ReceiveOptions options_;
    Phase phase_ = Phase::begin;
    proto::copy::Shape shape_ = proto::copy::Shape::tree;
    bool resume_ = false;
    bool flushing_ = false;  // the batch is full
    bool sink_full_ = false;

    std::vector<std::byte> gathered_;  // the beginning of a record
    std::vector<std::byte> answers_;
    std::size_t answered_ = 0;

    OpenTarget top_;
    std::shared_ptr<TargetFolder> top_folder_;
    std::vector<Level> levels_;
    std::string path_;       // of the folder under way
    Attributes attributes_;  // of the next entry
    std::size_t xattr_bytes_ = 0;

    // The file under way; none while it is being discarded.
    std::unique_ptr<FileWriter> writer_;
    std::string file_name_;
    std::string file_path_;
    Attributes file_attributes_;
    std::uint64_t file_serial_ = 0;
    std::uint64_t file_size_ = 0;
    std::uint64_t file_first_ = 0;  // of a part
    bool file_unsized_ = false;
    bool file_linked_ = false;
    bool file_is_sink_ = false;
    bool file_asks_ = false;
    std::uint64_t file_position_ = 0;  // also while it is discarded
    ContentDigest sink_digest_;
    std::uint64_t sink_zeros_ = 0;    // of a hole, not written yet
    std::size_t data_left_ = 0;       // of the data record under way
    std::uint64_t zeros_hashed_ = 0;  // in this call

    CommitBatch batch_;
    ContentDigest tree_;
    proto::copy::Totals counted_;
    std::uint64_t refused_ = 0;
    proto::copy::Totals said_;
    CopyProgress progress_;
    CopyFailures failures_;
    std::optional<DigestBytes> digest_;
    std::string bad_because_;
};

}  // namespace pipeline
