// The rules for destinations.
#include "copy_destination.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace pipeline {

using proto::copy::Shape;

namespace {

std::string_view without_slashes(std::string_view path) {
    while (path.size() > 1 && path.ends_with('/'))
        path.remove_suffix(1);
    return path;
}

// "a/b/" -> {"a", "b"}; "b" -> {".", "b"}; "/b" -> {"/", "b"}.
Placement split_path(std::string_view path) {
    path = without_slashes(path);
    const std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) return {".", std::string(path)};
    const std::string_view folder = without_slashes(path.substr(0, slash + 1));
    return {std::string(folder), std::string(path.substr(slash + 1))};
}

bool names_a_folder(std::string_view path) {
    const std::string last = split_path(path).name;
    return path.ends_with('/') || last == "." || last == ".." || last.empty();
}

base::Error no_folder(const std::string& path) {
    return base::Error::system("write into", path, ENOTDIR);
}

base::Result<Placement> place_file(CopyStyle style, const std::string& path, Standing standing,
                                   const std::string& name) {
    if (style == CopyStyle::into && standing == Standing::folder && !name.empty()) {
        return Placement{path, name};
    }
    if (standing == Standing::folder) return base::Error::system("replace", path, EISDIR);
    if (names_a_folder(path)) {
        return base::Error::system("write into", path,
                                   standing == Standing::nothing ? ENOENT : ENOTDIR);
    }
    Placement placement = split_path(path);
    placement.make_parents = style == CopyStyle::file;
    if (!proto::copy::is_name(placement.name)) {
        return base::Error::system("write", path, ENAMETOOLONG);
    }
    return placement;
}

base::Result<Placement> place_tree(CopyStyle style, const std::string& path, Standing standing,
                                   const std::string& name) {
    if (standing == Standing::file) return no_folder(path);
    if (style == CopyStyle::contents) return Placement{path, "", true};
    if (standing == Standing::folder && !name.empty()) {
        const bool slash = path.ends_with('/');
        return Placement{path + (slash ? "" : "/") + name, ""};
    }
    return Placement{path, ""};
}

struct MakeRules {
    bool parents = false;  // all that is missing, not only the last name
    mode_t mode = 0777;    // of the last one
    mode_t parent_mode = 0777;
};

// Opens `path` as a folder, making what is missing.
MaybeTrouble make_folder(const Jail& jail, const std::string& path, const MakeRules& rules,
                         OpenTarget& opened) {
    opened.folder = base::Fd(jail.open(path, O_RDONLY | O_DIRECTORY));
    if (opened.folder.valid()) return std::nullopt;
    if (errno != ENOENT) return Trouble{errno, CopyStep::open};
    const Placement above = split_path(path);
    if (!proto::copy::is_name(above.name)) return Trouble{ENOENT, CopyStep::make_folder};
    OpenTarget parent;
    if (rules.parents) {
        const MakeRules above_rules{true, rules.parent_mode, rules.parent_mode};
        const auto failed = make_folder(jail, above.folder, above_rules, parent);
        if (failed.has_value()) return failed;
    } else {
        parent.folder = base::Fd(jail.open(above.folder, O_RDONLY | O_DIRECTORY));
        if (!parent.folder.valid()) return Trouble{errno, CopyStep::open};
    }
    const int at = parent.folder.get();
    opened.created = ::mkdirat(at, above.name.c_str(), rules.mode) == 0;
    if (!opened.created && errno != EEXIST) return Trouble{errno, CopyStep::make_folder};
    if (opened.created && ::fsync(at) != 0 && errno != EINVAL) {
        return Trouble{errno, CopyStep::sync};
    }
    opened.folder = base::Fd(open_entry(at, above.name.c_str(), O_RDONLY | O_DIRECTORY));
    if (!opened.folder.valid()) return Trouble{errno, CopyStep::open};
    return std::nullopt;
}

}  // namespace

std::string source_name(std::string_view path) {
    std::string name = split_path(path).name;
    return proto::copy::is_name(name) ? name : std::string();
}

base::Result<Placement> place(CopyStyle style, Shape shape, const std::string& path,
                              Standing standing, const std::string& source_name) {
    if (path.empty()) return base::Error::system("write", path, ENOENT);
    if (standing == Standing::special) return base::Error::system("replace", path, ENOTSUP);
    if (path.find('\0') != std::string::npos) return base::Error::system("write", path, EINVAL);
    if (shape == Shape::tree) {
        if (style == CopyStyle::file) return base::Error::system("write", path, EISDIR);
        return place_tree(style, path, standing, source_name);
    }
    if (style == CopyStyle::contents) return no_folder(path);
    return place_file(style, path, standing, source_name);
}

MaybeTrouble open_target(const CopyTarget& target, Shape shape, mode_t umask, OpenTarget& opened) {
    Standing standing = Standing::nothing;
    const base::Fd seen(target.jail->open(target.path, O_PATH));
    struct stat status {};
    if (seen.valid() && ::fstat(seen.get(), &status) == 0) {
        standing = S_ISDIR(status.st_mode)                              ? Standing::folder
                   : S_ISREG(status.st_mode) || S_ISLNK(status.st_mode) ? Standing::file
                                                                        : Standing::special;
    } else if (errno != ENOENT && errno != ELOOP) {
        return Trouble{errno, CopyStep::open};
    }
    const auto placed = place(target.style, shape, target.path, standing, target.source_name);
    opened.path = target.path;
    if (!placed.ok()) return Trouble{placed.error().errno_value, CopyStep::create};
    opened.name = placed->name;
    opened.path = placed->folder + (placed->name.empty() ? "" : "/" + placed->name);
    if (shape == Shape::tree || placed->make_parents) {
        // The top of a tree is open to us alone until it is left with its own mode.
        const mode_t usual = 0777 & ~umask;
        const MakeRules rules{placed->make_parents, shape == Shape::tree ? 0700 : usual, usual};
        return make_folder(*target.jail, placed->folder, rules, opened);
    }
    opened.folder = base::Fd(target.jail->open(placed->folder, O_RDONLY | O_DIRECTORY));
    if (!opened.folder.valid()) return Trouble{errno, CopyStep::open};
    return std::nullopt;
}

}  // namespace pipeline
