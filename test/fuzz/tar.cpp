// Tar streams into a tree: no name may leave the archive, every name has its parents before it.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/text.h"
#include "source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const base::Fd file(::memfd_create("tar", MFD_CLOEXEC));
    if (!base::write_all(file.get(), std::as_bytes(std::span(data, size)), "memory").ok()) return 0;
    ::lseek(file.get(), 0, SEEK_SET);
    eif::Gathering gathering;
    const eif::TarInput input{file.get(), "input", std::nullopt, nullptr};
    const auto read = eif::read_tar(gathering, input, [&](eif::TarEntry entry) {
        if (entry.link_target) return gathering.tree.add_hard_link(entry.name, *entry.link_target);
        return gathering.tree.add(entry.name, std::move(entry.node));
    });
    (void)read;
    const auto& names = gathering.tree.names();
    for (const auto& [name, index] : names) {
        for (const std::string_view part : base::split(name, '/')) {
            if (part.empty() || part == "." || part == "..") std::abort();
        }
        const std::size_t slash = name.rfind('/');
        if (slash == std::string::npos) continue;
        const auto parent = names.find(name.substr(0, slash));
        if (parent == names.end() || !gathering.tree.node(parent->second).is_folder()) std::abort();
    }
    return 0;
}
