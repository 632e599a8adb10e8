// The client's own terminal: raw while a session has it, and put back whatever ends the program;
// its size; the signals that go to the peer's program. The peer's terminal is in child.h.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "loop/loop.h"
#include "terminal_size.h"

namespace pipeline {

bool is_terminal(int fd);
// Nothing when it is none, or one without a size.
std::optional<TerminalSize> terminal_size(int fd);

// A terminal that gives every key as it is pressed and shows nothing by itself. It is put back by
// the destructor, by exit(), and by signals that end the program: those that are not handled
// otherwise when this is made. Only SIGKILL leaves it raw. One at a time in a process.
class RawTerminal {
  public:
    // Not a terminal: nothing happens, and active() is false. `fd` is borrowed.
    static base::Result<RawTerminal> enter(int fd);
    RawTerminal(RawTerminal&& other) noexcept;
    RawTerminal& operator=(RawTerminal&&) = delete;
    ~RawTerminal() { leave(); }

    bool active() const { return active_; }
    // Puts it back now, for a message, or for good.
    void leave();

  private:
    explicit RawTerminal(bool active) : active_(active) {}
    bool active_;
};

// Tells of a new size of the terminal `fd`. Without a terminal it never does.
class SizeWatch {
  public:
    using Changed = std::function<void(TerminalSize)>;
    static base::Result<SizeWatch> create(loop::Loop& loop, int fd, Changed changed);

  private:
    explicit SizeWatch(std::optional<loop::Signal> signal) : signal_(std::move(signal)) {}
    std::optional<loop::Signal> signal_;
};

// While it lives, these signals go to the callback instead of ending the program: what a shell, a
// service manager or a user sends to a client is meant for the command. On a raw terminal keys are
// bytes and make no signals, so that only those from elsewhere arrive.
class ForwardedSignals {
  public:
    using Arrived = std::function<void(int signal)>;
    static base::Result<ForwardedSignals> create(loop::Loop& loop, Arrived arrived);

  private:
    explicit ForwardedSignals(std::vector<loop::Signal> signals) : signals_(std::move(signals)) {}
    std::vector<loop::Signal> signals_;
};

// INT, TERM, HUP, QUIT, USR1, USR2.
bool is_forwarded(int signal);

}  // namespace pipeline
