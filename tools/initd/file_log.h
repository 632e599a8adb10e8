// A service's log file, as PID 1 sees it: a process of its own that may wait for the disk.
//
//   ring --batch of whole lines--> socket --> writer --> FILE        (log_file.h)
//   cursor <------errno----------- socket <-- writer
//
// One batch is under way at a time; the cursor moves when the writer says that it was written. A
// writer that hangs costs nothing but the lines that leave the ring meanwhile, which are counted.
// One that dies is started again and gets what was under way once more, with a line that says so.
#pragma once

#include <sys/types.h>
#include <optional>
#include <span>
#include <string>

#include "journal.h"
#include "reactor.h"
#include "settings.h"

namespace initd {

class FileLog : public Watcher {
  public:
    using Time = Reactor::Time;

    // `service` and `ring` are borrowed.
    FileLog(const LogTarget& target, const std::string& service, const Ring& ring, Journal& journal,
            Reactor& reactor);
    ~FileLog() override;
    FileLog(const FileLog&) = delete;
    FileLog& operator=(const FileLog&) = delete;

    // Hands over what there is, starting the writer if need be. Call after lines came.
    void flush(Time now);
    // When to call flush() though no lines came.
    std::optional<Time> next_deadline() const;
    // The process is the writer, and has ended.
    bool collect(pid_t pid);
    // All that the ring holds was written.
    bool finished() const;

    void on_ready(std::uint32_t events) override;

  private:
    bool start(Time now);
    void disconnect();
    [[noreturn]] void be_writer(int socket) const;
    std::size_t put_repeat(std::span<char> to) const;
    void note_outcome(int errno_value);

    LogTarget target_;
    const std::string& service_;
    const Ring& ring_;
    Journal& journal_;
    Reactor& reactor_;
    base::Fd socket_;
    pid_t writer_ = -1;
    Ring::Cursor cursor_;                  // all before it was written, or told to be lost
    std::optional<Ring::Cursor> pending_;  // where the batch under way ends
    std::uint64_t batch_lines_ = 0;        // in the batch under way, a loss line among them
    std::uint64_t maybe_repeated_ = 0;     // of them, when the writer died
    int last_errno_ = 0;
    Time next_start_{};
};

}  // namespace initd
