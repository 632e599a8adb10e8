// Opening things below a folder and nowhere else.
//
// openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS; on a kernel
// without it a walk of single names with O_NOFOLLOW, which comes to the same. What is open stays
// the folder it was, whatever is put in place of its name meanwhile.
//
// All functions return -1 and errno like open(2), as their callers report errno by name.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/fd.h"

namespace pipeline {

// One name in `folder`, never through a link. The name must satisfy proto::copy::is_name().
int open_entry(int folder, const char* name, int flags, mode_t mode = 0);

// Names joined by '/' below `folder`, no link anywhere on the way or at the end.
int open_below(int folder, const std::string& path, int flags);
// The same without openat2.
int walk_below(int folder, const std::string& path, int flags);

// Where the paths that people write begin: those of a local command line anywhere, those of a key
// with path= in that folder. Links on such a path are followed, as cp and scp do, but never out.
class Jail {
  public:
    // Paths as the process sees them.
    static Jail everywhere() { return Jail(base::Fd()); }
    // "/" and ".." stop at `path`.
    static base::Result<Jail> below(const std::string& path);

    // Flags as of open(2). Without openat2 no link is followed below a jail.
    int open(const std::string& path, int flags) const;

  private:
    explicit Jail(base::Fd root) : root_(std::move(root)) {}
    base::Fd root_;  // O_PATH; none: everywhere
};

}  // namespace pipeline
