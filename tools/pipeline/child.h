// A program that the server starts for its peer, on pipes or on a terminal of its own: start, feed,
// signal, end. Who may start it and as whom is decided before. Jobs and sessions both use it; the
// loop's side is child_watch.h.
//
// The program leads a session of its own. It gets exactly three descriptors, the environment that
// is given, default signals, and what the settings say, and is killed when this process dies. A
// program that cannot run is an Error from start(): nothing appears on its outputs that it did not
// write.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/accounts.h"
#include "base/fd.h"
#include "base/result.h"
#include "child_group.h"
#include "terminal_size.h"

namespace pipeline {

struct ResourceLimit {
    int resource = 0;  // RLIMIT_...
    rlim_t soft = 0;
    rlim_t hard = 0;
};

struct ChildSettings {
    std::vector<std::string> command;      // program and arguments
    std::string program;                   // when it is not called as its first argument says
    std::vector<std::string> environment;  // KEY=VALUE: all of it
    std::string folder = "/";
    std::optional<base::Account> account;  // nullopt: stays what this process is
    mode_t mode_mask = 022;
    std::vector<ResourceLimit> limits;
    bool no_new_privileges = false;
    bool with_input = true;                // without: its standard input is empty
    std::optional<TerminalSize> terminal;  // nullopt: three pipes
    const ChildGroup* group = nullptr;     // a cgroup to be born in; borrowed by the Child too
};

// How it ended: exactly one of the two.
struct ChildEnd {
    std::optional<int> code;
    std::optional<int> signal;

    // The exit code that a shell reports: 128 and the signal.
    int shell_code() const { return signal ? 128 + *signal : code.value_or(0); }
    bool operator==(const ChildEnd&) const = default;
};

class Child {
  public:
    // Errors: not_found when there is no such program, cannot_exec when it, its folder or its user
    // cannot be had (the message names the step), os when the system lacks something.
    static base::Result<Child> start(const ChildSettings& settings);
    Child(Child&&) noexcept;
    Child& operator=(Child&&) = delete;
    // Kills all that is left and waits for the program, at most kKillWait.
    ~Child();

    pid_t pid() const { return pid_; }
    // Readable when it has ended, and from then on.
    int end_fd() const { return pidfd_.get(); }
    // Nothing while it runs. It stays a zombie, so that its number is nobody else's.
    std::optional<ChildEnd> end() const;

    // Non-blocking, for loop::Poll; -1 once closed. With a terminal there are no errors of its own,
    // and input and output are two descriptors for it.
    int input() const { return input_.get(); }
    int output() const { return output_.get(); }
    int errors() const { return errors_.get(); }
    bool has_terminal() const { return terminal_; }
    // The program reads an end of file behind what was written: a pipe is closed, a terminal gets
    // its end-of-file character. False: a terminal that takes nothing now; try when it is writable.
    bool end_input();
    void close_output() { output_.reset(); }
    void close_errors() { errors_.reset(); }

    // To the process group of the program; with a terminal, to the group in the foreground, too.
    void signal(int number) const;
    void resize(TerminalSize size) const;
    // SIGKILL to everything it started that can be found: its cgroup, or else its session.
    void kill_all() const;

  private:
    Child() = default;
    base::Result<void> make_pipes(bool with_input);
    base::Result<void> make_terminal(const ChildSettings& settings);
    base::Result<void> launch(const ChildSettings& settings);

    pid_t pid_ = -1;
    base::Fd pidfd_;
    base::Fd input_;
    base::Fd output_;
    base::Fd errors_;
    base::Fd theirs_[3];  // the program's ends, until it is started
    bool terminal_ = false;
    const ChildGroup* group_ = nullptr;
};

// Reads what is there: nullopt when there is nothing now, 0 bytes at the end. The last reader of a
// terminal gets EIO when its program is gone; that is an end, too.
base::Result<std::optional<std::size_t>> read_available(int fd, std::span<std::byte> buffer);

// Writes what fits now, maybe 0 bytes. The program that closed its input is an Error (EPIPE).
base::Result<std::size_t> write_available(int fd, std::span<const std::byte> bytes);

}  // namespace pipeline
