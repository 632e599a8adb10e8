// A vsockd process in a folder of its own, for tests, and plain sockets as its host programs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/fd.h"

namespace test {

// Runs the binary named by $VSOCKD until the object dies.
class Daemon {
  public:
    explicit Daemon(std::vector<std::string> arguments);
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon();

    const std::string& folder() const { return folder_; }
    std::string path(const std::string& name) const { return folder_ + "/" + name; }
    bool alive() const;
    // What it has said on standard error so far.
    std::string log() const;

  private:
    std::string folder_;
    pid_t pid_ = -1;
};

// Blocking sockets with a deadline of five seconds on everything.
base::Fd listen_on(const std::string& path);
base::Fd accept_from(const base::Fd& listener);
base::Fd connect_to(const std::string& path);
void write_text(const base::Fd& socket, std::string_view text);
// Exactly so many bytes, or fewer at the end.
std::string read_text(const base::Fd& socket, std::size_t bytes);
std::string read_line(const base::Fd& socket);
bool at_end(const base::Fd& socket);
bool readable(const base::Fd& socket, std::chrono::milliseconds patience);

}  // namespace test
