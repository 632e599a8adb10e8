// Merging: parents, replacement, links and names that try to escape.
#include "tree.h"

#include <catch2/catch_test_macros.hpp>

#include <sys/stat.h>

using eif::FolderOverLink;
using eif::Node;
using eif::Tree;

namespace {

Node file(std::uint64_t offset = 0) {
    return Node{.mode = S_IFREG | 0644, .offset = offset};
}
Node folder(std::uint32_t mode = 0755) {
    return Node{.mode = S_IFDIR | mode};
}
Node link_to(std::string target) {
    return Node{.mode = S_IFLNK | 0777, .text = std::move(target)};
}

std::string names(const Tree& tree) {
    std::string all;
    for (const auto& [name, index] : tree.names())
        all += name + " ";
    return all;
}

const Node& at(const Tree& tree, const std::string& name) {
    return tree.node(tree.names().at(name));
}

}  // namespace

TEST_CASE("names are normalised, and those that lead out are refused") {
    CHECK(eif::normalise_name("./a//b/./c/").value() == "a/b/c");
    CHECK(eif::normalise_name("/etc/passwd").value() == "etc/passwd");
    CHECK(eif::normalise_name("./").value().empty());
    CHECK(eif::normalise_name("..a/b..").value() == "..a/b..");
    for (const std::string_view name : {"..", "../a", "a/../b", "a/..", "/.."}) {
        CHECK_FALSE(eif::normalise_name(name).ok());
    }
    CHECK_FALSE(eif::normalise_name(std::string(4096, 'x')).ok());
}

TEST_CASE("missing parents are made, and all stand before their children") {
    Tree tree;
    REQUIRE(tree.add("a/b/c", file()).ok());
    REQUIRE(tree.add("a-b", file()).ok());
    CHECK(names(tree) == "a a-b a/b a/b/c ");
    CHECK(at(tree, "a/b").mode == (S_IFDIR | 0755));
}

TEST_CASE("folders merge with the later metadata, everything else replaces") {
    Tree tree;
    REQUIRE(tree.add("d", folder(0700)).ok());
    REQUIRE(tree.add("d/x", file()).ok());
    REQUIRE(tree.add("d", folder(0750)).ok());
    CHECK(at(tree, "d").mode == (S_IFDIR | 0750));
    CHECK(names(tree) == "d d/x ");
    REQUIRE(tree.add("d", file(7)).ok());
    CHECK(names(tree) == "d ");
    REQUIRE(tree.add("d/y", file()).ok());
    CHECK(names(tree) == "d d/y ");
}

TEST_CASE("a replaced folder takes its whole contents along, and nothing beside them") {
    Tree tree;
    for (const char* name : {"a/b/c", "a/b-c", "a/b0", "a/b.c"}) {
        REQUIRE(tree.add(name, file()).ok());
    }
    REQUIRE(tree.remove("a/b").ok());
    CHECK(names(tree) == "a a/b-c a/b.c a/b0 ");
}

TEST_CASE("an overlay goes through a link to a folder, a layer replaces it") {
    Tree tree;
    REQUIRE(tree.add("usr/lib/old", file()).ok());
    REQUIRE(tree.add("lib", link_to("usr/lib")).ok());
    REQUIRE(tree.add("lib", folder()).ok());
    REQUIRE(tree.add("lib/new", file()).ok());
    CHECK(names(tree) == "lib usr usr/lib usr/lib/new usr/lib/old ");
    REQUIRE(tree.add("lib", folder(), FolderOverLink::replace).ok());
    CHECK(at(tree, "lib").is_folder());
}

TEST_CASE("absolute links count from the archive's root and cannot leave it") {
    Tree tree;
    REQUIRE(tree.add("deep/link", link_to("/target")).ok());
    REQUIRE(tree.add("deep/link/file", file()).ok());
    REQUIRE(tree.add("up", link_to("../../../outside")).ok());
    REQUIRE(tree.add("up/file", file()).ok());
    CHECK(names(tree) == "deep deep/link outside outside/file target target/file up ");
}

TEST_CASE("loops of links end with an error") {
    Tree tree;
    REQUIRE(tree.add("a", link_to("b")).ok());
    REQUIRE(tree.add("b", link_to("a")).ok());
    const auto added = tree.add("a/file", file());
    REQUIRE_FALSE(added.ok());
    CHECK(added.error().code == base::ExitCode::data);
}

TEST_CASE("hard links share a node, also when the first name goes") {
    Tree tree;
    REQUIRE(tree.add("one", file(5)).ok());
    REQUIRE(tree.add_hard_link("two", "one").ok());
    REQUIRE(tree.add("one", file(6)).ok());
    CHECK(at(tree, "two").offset == 5);
    CHECK(at(tree, "one").offset == 6);
    CHECK_FALSE(tree.add_hard_link("three", "absent").ok());
    REQUIRE(tree.add("folder", folder()).ok());
    CHECK_FALSE(tree.add_hard_link("three", "folder").ok());
}

TEST_CASE("emptying a folder keeps it") {
    Tree tree;
    REQUIRE(tree.add("d/x/y", file()).ok());
    REQUIRE(tree.remove_children("d").ok());
    CHECK(names(tree) == "d ");
    REQUIRE(tree.remove_children("").ok());
    CHECK(tree.names().empty());
}
