// YAML that is accepted keeps to its caps, and every refusal names a place.
#include "codec/yaml.h"

#include <cstdlib>

namespace {

using codec::yaml::Entry;
using codec::yaml::Limits;
using codec::yaml::Node;

void require(bool condition) {
    if (!condition) std::abort();
}

std::size_t count(const Node& node, std::size_t depth, const Limits& limits) {
    require(depth <= limits.depth);
    std::size_t nodes = 1;
    for (const Node& item : node.items)
        nodes += count(item, depth + 1, limits);
    for (const Entry& entry : node.entries) {
        require(!entry.key.empty());
        nodes += count(entry.value, depth + 1, limits);
    }
    return nodes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Limits limits{.bytes = 4096, .nodes = 64, .depth = 6};
    const auto document = codec::yaml::parse(text, "f", limits);
    if (document.ok()) {
        require(count(document.value().root, 1, limits) <= limits.nodes);
    } else {
        require(document.error().message.starts_with("f:"));
    }
    return 0;
}
