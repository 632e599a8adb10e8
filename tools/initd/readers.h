// The two read-only listeners for the host: the log (ring, then live) and the status line.
//
// A reader never holds PID 1 up: writes do not wait, the log's readers have cursors into the ring
// and get a loss line, and what a reader sends is thrown away. Page: initd(8), PORTS.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "journal.h"
#include "reactor.h"
#include "settings.h"

namespace initd {

class Readers;

// One connection. It is a slot that is used again and again.
class Reader : public Watcher {
  public:
    void on_ready(std::uint32_t events) override;

  private:
    friend class Readers;
    Readers* owner_ = nullptr;
    base::Fd fd_;
    Feed feed_;                      // log readers
    std::array<char, 1024> text_{};  // status readers: the line as it was
    std::string_view rest_;          // of text_, still to be sent
    bool blocked_ = false;           // waits for EPOLLOUT
    bool has_current_ = false;       // status readers: the present line was taken up
    bool has_epilogue_ = false;
    bool shut_ = false;  // all was sent and our side is closed
    std::size_t ignored_bytes_ = 0;
};

class Readers : public Watcher {
  public:
    static constexpr std::size_t kMost = 16;  // readers at a time; more are closed at once

    // A port without configuration never opens. `ring` is null for the status port.
    base::Result<void> open(const ListenPlace& place, Reactor& reactor, const Ring* ring,
                            LineFormat format = LineFormat::text);
    bool is_open() const { return listener_.valid(); }

    // Status port: the line every reader gets, now and on connecting.
    void set_line(std::string line);
    // Status port: what comes after the last line, once finish() was called; borrowed for good.
    void set_epilogue(std::string_view text) { epilogue_ = text; }
    // Sends what there is to whom takes it. Call after anything was appended or set.
    void flush();
    // From now on readers are closed once they have everything.
    void finish() { finishing_ = true; }
    // After finish(): somebody had everything and nobody is still reading.
    bool satisfied() const;
    // Somebody had everything.
    bool delivered() const { return served_; }
    // For a PID 1 that crashed: this to all readers at once, whatever they had.
    void last_words(std::string_view text);

    void on_ready(std::uint32_t events) override;

  private:
    friend class Reader;
    void accept_all();
    void serve(Reader& reader);
    std::string_view next(Reader& reader);
    void close(Reader& reader);

    Reactor* reactor_ = nullptr;
    const Ring* ring_ = nullptr;
    LineFormat format_ = LineFormat::text;
    std::string line_;
    std::string_view epilogue_;
    base::Fd listener_;
    std::array<Reader, kMost> readers_;
    bool finishing_ = false;
    bool served_ = false;
};

}  // namespace initd
