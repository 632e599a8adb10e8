// Files as whole things: read one with a cap, write one that appears complete or not at all.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace base {

// Opens with O_CLOEXEC added. `mode` counts only with O_CREAT or O_TMPFILE.
Result<Fd> open_file(const std::string& path, int flags, unsigned mode = 0666);

// The whole file, or standard input for "-". More than `maximum_bytes` is an Error (data).
Result<std::string> read_file(const std::string& path, std::size_t maximum_bytes);

// Makes the folder that holds `path`, and those above it, where they are missing.
Result<void> make_parents(const std::string& path, unsigned mode);

// An output that replaces `path` only when commit() succeeds; until then, and after a failure or
// a signal, the old file stands and the temporary one in the same folder is removed (or was
// never linked). The path "-" is standard output; it and a path that is a device, a pipe or a
// socket are written in place as it comes. A symbolic link to a file is followed.
class OutputFile {
  public:
    static Result<OutputFile> create(const std::string& path, unsigned mode = 0644);
    OutputFile(OutputFile&& other) noexcept;
    OutputFile& operator=(OutputFile&&) = delete;
    ~OutputFile();

    int fd() const { return fd_.get(); }
    bool is_stdout() const { return path_ == "-"; }
    const std::string& path() const { return path_; }

    // fsync, rename, and fsync of the folder. After it the object is spent.
    Result<void> commit();

  private:
    OutputFile(std::string path, std::string temporary_path, Fd fd, bool in_place = false)
        : path_(std::move(path)),
          temporary_path_(std::move(temporary_path)),
          fd_(std::move(fd)),
          in_place_(in_place) {}

    std::string path_;
    std::string temporary_path_;  // empty: O_TMPFILE without a name, standard output, or spent
    Fd fd_;
    bool in_place_;  // nothing to rename: standard output or a device
};

}  // namespace base
