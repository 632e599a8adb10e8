// Where a copy goes: what DST means for each command (pure), and opening that place.
//
//   send-file, recv-file   the path names the file; missing folders above it are made
//   send-dir, recv-dir     the path is the folder that gets the contents; made with its parents
//   cp                     an existing folder gets SRC's name inside it, as with scp and
//                          docker cp; otherwise the path is the new name, and its folder must exist
//
// A symbolic link to a file is replaced, not written through; a device, a pipe or a socket, also
// behind a link, is never replaced.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "copy_types.h"
#include "jail.h"

namespace pipeline {

enum class CopyStyle { file, contents, into };

// What stands at the path now, links followed.
enum class Standing { nothing, folder, file, special };

// `folder` holds the entry `name`; an empty name says that the folder itself is the top of a tree.
struct Placement {
    std::string folder;  // "." for the current one
    std::string name;
    bool make_parents = false;
    bool operator==(const Placement&) const = default;
};

// The last name of a path that somebody wrote: "b" of "a/b/", nothing of "/", "." and "..", whose
// contents are meant.
std::string source_name(std::string_view path);

// The Error says which rule is broken: a folder where a file is wanted, and the other way.
base::Result<Placement> place(CopyStyle style, proto::copy::Shape shape, const std::string& path,
                              Standing standing, const std::string& source_name);

// Where the receiver writes. `jail` outlives it.
struct CopyTarget {
    const Jail* jail = nullptr;
    CopyStyle style = CopyStyle::into;
    std::string path;
    // By the side that named the source, never by the sender of the stream.
    std::string source_name;
    // Instead of all that: the content of one file goes to this descriptor (borrowed). A pipe or a
    // socket must be non-blocking, and the process must ignore SIGPIPE.
    int sink = -1;
};

struct OpenTarget {
    base::Fd folder;       // holds the file, or is the top of the tree
    std::string name;      // of the file
    bool created = false;  // the top folder was made now, and gets the source's attributes
    // For messages about the top itself.
    std::string path;
};

// Makes folders with 0777 less `umask`, the top of a tree with 0700. A Trouble is about
// target.path.
MaybeTrouble open_target(const CopyTarget& target, proto::copy::Shape shape, mode_t umask,
                         OpenTarget& opened);

}  // namespace pipeline
