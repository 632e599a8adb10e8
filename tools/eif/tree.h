// The files that go into an archive: names, metadata and where each content lies. Pure: contents
// stay where they are until the archive is written.
//
// Names are bytes without a leading slash; "" is the root, which is never a member itself. Later
// additions win: a folder over a folder merges and takes the later metadata, everything else
// replaces. Missing parents are made 0755, owner 0:0.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace eif {

struct Node {
    std::uint32_t mode = 0;  // type and permissions as in stat(2)
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t node_major = 0;
    std::uint32_t node_minor = 0;
    std::uint64_t size = 0;    // of a regular file's content, or of a link's target
    std::string text;          // a link's target; for a file of a folder source, its path there
    std::uint32_t origin = 0;  // index of the Origin that holds a file's content
    std::uint64_t offset = 0;  // of the content in an origin that is one file

    bool is_folder() const;
    bool is_link() const;
    bool is_file() const;
};

// What a folder does where the tree has a symbolic link to a folder.
enum class FolderOverLink {
    follow,   // go through the link, so that /lib -> usr/lib survives an overlay with lib/
    replace,  // stand in its place, as image layers want it
};

// Takes '.' and empty components away. A name that leads out of the archive ('..') or that the
// kernel could not unpack is an Error (data).
base::Result<std::string> normalise_name(std::string_view name);

class Tree {
  public:
    // Names here are normalised ones.
    base::Result<void> add(const std::string& name, Node node,
                           FolderOverLink mode = FolderOverLink::follow);
    // A further name for the file that `target` names now.
    base::Result<void> add_hard_link(const std::string& name, const std::string& target);
    // Both do nothing where there is nothing.
    base::Result<void> remove(const std::string& name);
    base::Result<void> remove_children(const std::string& name);

    // Index of each name's node; several names may share one.
    const std::map<std::string, std::uint32_t>& names() const { return names_; }
    const Node& node(std::uint32_t index) const { return nodes_[index]; }

  private:
    // The name with symbolic links resolved, those of its last part only if `last_too`.
    base::Result<std::string> resolve(const std::string& name, bool last_too) const;
    const Node* find(const std::string& name) const;
    void make_parents(const std::string& name);
    void place(const std::string& name, std::uint32_t index);
    void erase_below(const std::string& name);

    std::map<std::string, std::uint32_t> names_;
    std::vector<Node> nodes_;
};

}  // namespace eif
