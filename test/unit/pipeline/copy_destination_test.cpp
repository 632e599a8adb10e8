// What DST means, command by command.
#include "copy_destination.h"

#include <catch2/catch_test_macros.hpp>

using pipeline::CopyStyle;
using pipeline::place;
using pipeline::Placement;
using pipeline::source_name;
using pipeline::Standing;
using proto::copy::Shape;

TEST_CASE("the name of a source is its last one, and some have none") {
    CHECK(source_name("a/b") == "b");
    CHECK(source_name("a/b//") == "b");
    CHECK(source_name("b") == "b");
    CHECK(source_name("/") == "");
    CHECK(source_name("a/.") == "");
    CHECK(source_name("..") == "");
    CHECK(source_name("") == "");
}

TEST_CASE("cp puts into a folder that is there, else gives the new name") {
    const auto cp = [](Shape shape, const std::string& path, Standing standing) {
        return place(CopyStyle::into, shape, path, standing, "src");
    };
    CHECK(cp(Shape::file, "d", Standing::folder).value() == Placement{"d", "src"});
    CHECK(cp(Shape::file, "d/", Standing::folder).value() == Placement{"d/", "src"});
    CHECK(cp(Shape::file, "d/f", Standing::nothing).value() == Placement{"d", "f"});
    CHECK(cp(Shape::file, "f", Standing::file).value() == Placement{".", "f"});
    CHECK(cp(Shape::file, "/f", Standing::file).value() == Placement{"/", "f"});
    CHECK(cp(Shape::file, "f/", Standing::nothing).error().errno_value == ENOENT);
    CHECK(cp(Shape::file, "f/", Standing::file).error().errno_value == ENOTDIR);
    CHECK(cp(Shape::file, ".", Standing::folder).value() == Placement{".", "src"});
    CHECK(cp(Shape::file, "", Standing::nothing).error().errno_value == ENOENT);
    CHECK(cp(Shape::tree, "d", Standing::folder).value() == Placement{"d/src", ""});
    CHECK(cp(Shape::tree, "d/", Standing::folder).value() == Placement{"d/src", ""});
    CHECK(cp(Shape::tree, "new", Standing::nothing).value() == Placement{"new", ""});
    CHECK(cp(Shape::tree, "new/", Standing::nothing).value() == Placement{"new/", ""});
    CHECK(cp(Shape::tree, "f", Standing::file).error().errno_value == ENOTDIR);
    // The contents of "SRC/." and "/".
    CHECK(place(CopyStyle::into, Shape::tree, "d", Standing::folder, "").value() ==
          Placement{"d", ""});
}

TEST_CASE("send-file names the file and send-dir the folder") {
    const auto file = [](const std::string& path, Standing standing) {
        return place(CopyStyle::file, Shape::file, path, standing, "src");
    };
    CHECK(file("a/b/f", Standing::nothing).value() == Placement{"a/b", "f", true});
    CHECK(file("d", Standing::folder).error().errno_value == EISDIR);
    CHECK(file("d/", Standing::nothing).error().errno_value == ENOENT);
    CHECK(file("d/..", Standing::nothing).error().errno_value == ENOENT);
    CHECK(file(std::string(256, 'n'), Standing::nothing).error().errno_value == ENAMETOOLONG);
    CHECK(file(std::string("a\0b", 3), Standing::nothing).error().errno_value == EINVAL);
    const auto folder = [](const std::string& path, Standing standing) {
        return place(CopyStyle::contents, Shape::tree, path, standing, "src");
    };
    CHECK(folder("r", Standing::folder).value() == Placement{"r", "", true});
    CHECK(folder("a/r/", Standing::nothing).value() == Placement{"a/r/", "", true});
    CHECK(folder("f", Standing::file).error().errno_value == ENOTDIR);
    CHECK_FALSE(place(CopyStyle::file, Shape::tree, "r", Standing::nothing, "").ok());
    CHECK_FALSE(place(CopyStyle::contents, Shape::file, "r", Standing::folder, "").ok());
}
