// The files in test/vectors: each has the class that its folder names.
#include <catch2/catch_test_macros.hpp>

#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "format.h"
#include "newc.h"
#include "signature.h"
#include "source.h"

namespace {

eif::ReadAt reader(const std::string& content) {
    return [&content](std::uint64_t offset, std::span<std::byte> to) {
        REQUIRE(offset + to.size() <= content.size());
        std::memcpy(to.data(), content.data() + offset, to.size());
        return base::Result<void>();
    };
}

// Calls `accepts` for each file of a class; there must be some.
template <typename Accepts>
void hold(const std::string& folder, bool wanted, Accepts accepts) {
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(VECTORS "/" + folder)) {
        INFO(file.path());
        CHECK(accepts(file.path().string()) == wanted);
        ++count;
    }
    CHECK(count > 0);
}

bool accepts_image(const std::string& path) {
    const std::string content = base::read_file(path, 1 << 20).value();
    const auto image = eif::read_layout(content.size(), reader(content));
    return image.ok() && image->table_faults.empty();
}

bool accepts_archive(const std::string& path) {
    const std::string content = base::read_file(path, 1 << 20).value();
    return eif::parse_newc(0, content.size(), reader(content)).ok();
}

bool accepts_tar(const std::string& path) {
    eif::Gathering gathering;
    return eif::gather_tar(gathering, path).ok();
}

bool accepts_signature(const std::string& path) {
    const std::string content = base::read_file(path, 1 << 20).value();
    return eif::parse_signature_section(base::as_bytes(content)).ok();
}

}  // namespace

TEST_CASE("image vectors are what their folders say") {
    hold("eif/ok", true, accepts_image);
    hold("eif/bad", false, accepts_image);
    hold("eif/signature", true, accepts_signature);
}

TEST_CASE("archive vectors are what their folders say") {
    hold("newc/ok", true, accepts_archive);
    hold("newc/bad", false, accepts_archive);
}

TEST_CASE("tar vectors are what their folders say") {
    hold("tar/ok", true, accepts_tar);
    hold("tar/bad", false, accepts_tar);
}
