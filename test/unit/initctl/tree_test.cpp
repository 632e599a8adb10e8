// Who waits for whom.
#include "tree.h"

#include <catch2/catch_test_macros.hpp>

using codec::json::Array;
using codec::json::Value;

namespace {

Value service(const char* name, const char* key = nullptr, Array others = {}) {
    Value object;
    object.set("name", name).set("state", "running");
    if (key != nullptr) object.set(key, std::move(others));
    return object;
}

}  // namespace

TEST_CASE("those nobody waits for stand at the left, below each what it waits for") {
    CHECK(initctl::format_tree({service("db"), service("net", "before", {"db"}),
                                service("web", "needed", {"db", "net"})},
                               false) ==
          "web (running)\n"
          "|-- db (running)\n"
          "|   `-- net (running)\n"
          "`-- net (running)\n");
}

TEST_CASE("what was shown with all below it is not shown again, and a missing name says so") {
    CHECK(initctl::format_tree({service("a", "after", {"c"}), service("b", "wanted", {"c"}),
                                service("c", "after", {"gone"})},
                               false) ==
          "a (running)\n"
          "`-- c (running)\n"
          "    `-- gone (missing)\n"
          "b (running)\n"
          "`-- c ...\n");
}

TEST_CASE("a cycle is drawn once and ends") {
    CHECK(
        initctl::format_tree({service("a", "after", {"b"}), service("b", "after", {"a"})}, false) ==
        "a (running)\n"
        "`-- b (running)\n"
        "    `-- a ...\n");
}
