// Merging files into one tree.
#include "tree.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "newc.h"

namespace eif {

namespace {

constexpr int kMaximumLinks = 40;  // on one way, as in the kernel

std::string parent_of(const std::string& name) {
    const std::size_t slash = name.rfind('/');
    return slash == std::string::npos ? "" : name.substr(0, slash);
}

std::string join(const std::string& folder, std::string_view name) {
    return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
}

}  // namespace

bool Node::is_folder() const {
    return S_ISDIR(mode);
}

bool Node::is_link() const {
    return S_ISLNK(mode);
}

bool Node::is_file() const {
    return S_ISREG(mode);
}

base::Result<std::string> normalise_name(std::string_view name) {
    std::string result;
    for (const std::string_view part : base::split(name, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            return base::Error::data(
                fmt::format("name {} leads out of the archive", base::quote(name)));
        }
        result = join(result, part);
    }
    if (result.size() > kMaximumNameBytes) {
        return base::Error::data(
            fmt::format("name {} is longer than {} bytes", base::quote(name), kMaximumNameBytes));
    }
    return result;
}

const Node* Tree::find(const std::string& name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? nullptr : &nodes_[found->second];
}

base::Result<std::string> Tree::resolve(const std::string& name, bool last_too) const {
    std::string done;
    std::vector<std::string> left;  // in reverse
    const auto push = [&left](std::string_view path) {
        const std::vector<std::string_view> parts = base::split(path, '/');
        for (auto part = parts.rbegin(); part != parts.rend(); ++part)
            left.emplace_back(*part);
    };
    push(name);
    int links = 0;
    while (!left.empty()) {
        const std::string part = std::move(left.back());
        left.pop_back();
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            done = parent_of(done);
            continue;
        }
        const std::string here = join(done, part);
        const Node* node = find(here);
        if (node == nullptr || !node->is_link() || (left.empty() && !last_too)) {
            done = here;
            continue;
        }
        if (++links > kMaximumLinks) {
            return base::Error::data(
                fmt::format("too many symbolic links on the way to {}", base::quote(name)));
        }
        if (node->text.starts_with('/')) done.clear();
        push(node->text);
    }
    return done;
}

void Tree::erase_below(const std::string& name) {
    if (name.empty()) {
        names_.clear();
        return;
    }
    // '0' follows '/' in the order of bytes.
    names_.erase(names_.lower_bound(name + '/'), names_.lower_bound(name + '0'));
}

void Tree::place(const std::string& name, std::uint32_t index) {
    if (!nodes_[index].is_folder()) erase_below(name);
    names_.insert_or_assign(name, index);
}

void Tree::make_parents(const std::string& name) {
    for (std::size_t slash = name.find('/'); slash != std::string::npos;
         slash = name.find('/', slash + 1)) {
        const std::string parent = name.substr(0, slash);
        const Node* node = find(parent);
        if (node != nullptr && node->is_folder()) continue;
        nodes_.push_back(Node{.mode = S_IFDIR | 0755});
        place(parent, static_cast<std::uint32_t>(nodes_.size() - 1));
    }
}

base::Result<void> Tree::add(const std::string& name, Node node, FolderOverLink mode) {
    if (name.empty()) return {};
    std::string place_name = TRY(resolve(name, false));
    if (place_name.empty()) return {};
    const Node* there = find(place_name);
    if (node.is_folder() && mode == FolderOverLink::follow && there != nullptr &&
        there->is_link()) {
        std::string through = TRY(resolve(place_name, true));
        const Node* target = find(through);
        if (through.empty()) return {};
        if (target != nullptr && target->is_folder()) place_name = std::move(through);
    }
    make_parents(place_name);
    nodes_.push_back(std::move(node));
    place(place_name, static_cast<std::uint32_t>(nodes_.size() - 1));
    return {};
}

base::Result<void> Tree::add_hard_link(const std::string& name, const std::string& target) {
    const std::string target_name = TRY(resolve(target, false));
    const auto found = names_.find(target_name);
    if (found == names_.end() || nodes_[found->second].is_folder()) {
        return base::Error::data(fmt::format("{} is a hard link to {}, which is {}",
                                             base::quote(name), base::quote(target),
                                             found == names_.end() ? "not there" : "a folder"));
    }
    const std::uint32_t index = found->second;
    const std::string place_name = TRY(resolve(name, false));
    if (place_name.empty() || place_name == target_name) return {};
    make_parents(place_name);
    place(place_name, index);
    return {};
}

base::Result<void> Tree::remove(const std::string& name) {
    const std::string place_name = TRY(resolve(name, false));
    names_.erase(place_name);
    erase_below(place_name);
    return {};
}

base::Result<void> Tree::remove_children(const std::string& name) {
    erase_below(TRY(resolve(name, false)));
    return {};
}

}  // namespace eif
