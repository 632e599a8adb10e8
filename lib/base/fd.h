// Fd: the only owner of a descriptor. An `int fd` anywhere else is borrowed.
//
// A function that takes a descriptor over takes Fd by value. Descriptors are close-on-exec from
// birth; what a child shall inherit is handed over by name.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace base {

class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    int get() const { return fd_; }
    bool valid() const { return fd_ >= 0; }
    // Gives up ownership.
    int release() { return std::exchange(fd_, -1); }
    void reset();

  private:
    int fd_ = -1;
};

// A second descriptor for the same open file, close-on-exec.
Result<Fd> duplicate(int fd);

struct Pipe {
    Fd read;
    Fd write;
};
// Flags are those of pipe2(2); O_CLOEXEC is always added.
Result<Pipe> make_pipe(int flags = 0);

Result<void> set_nonblocking(int fd, bool nonblocking);

// A non-blocking descriptor of our own for a standard stream; `access` is O_RDONLY or O_WRONLY.
// Pipes and terminals are opened anew, because O_NONBLOCK on the inherited description would
// change it for everybody who shares it. Where that is refused they are shared and non-blocking
// for all; regular files are shared as they are.
Result<Fd> own_stream(int fd, int access);

// Writes all bytes to a blocking descriptor. `name` appears in the Error.
Result<void> write_all(int fd, std::span<const std::byte> bytes, std::string_view name);

// Reads until `buffer` is full or the end; returns how many bytes were read.
Result<std::size_t> read_full(int fd, std::span<std::byte> buffer, std::string_view name);

}  // namespace base
