// Content digests over crypto::Digest, and the words for failures.
#include "copy_digest.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/format.h"
#include "base/text.h"

namespace pipeline {

namespace {

// In .bss: all of it is one page of the kernel's zeros until somebody writes, and nobody does.
std::array<std::byte, 64 * 1024> zero_bytes;

}  // namespace

ContentDigest::ContentDigest() {
    reset();
}

void ContentDigest::reset() {
    digest_.reset();
    auto fresh = crypto::Digest::create(crypto::HashAlgorithm::sha256);
    if (fresh.ok()) digest_.emplace(std::move(fresh).value());
}

void ContentDigest::update(std::span<const std::byte> bytes) {
    if (digest_.has_value() && !digest_->update(bytes).ok()) digest_.reset();
}

void ContentDigest::zeros(std::uint64_t count) {
    while (count > 0) {
        const std::size_t step = std::min<std::uint64_t>(count, zero_bytes.size());
        update(std::span(zero_bytes).first(step));
        count -= step;
    }
}

std::optional<DigestBytes> ContentDigest::value() const {
    if (!digest_.has_value()) return std::nullopt;
    auto copy = digest_->copy();
    if (!copy.ok()) return std::nullopt;
    const auto result = copy->finish();
    if (!result.ok() || result.value().size() != proto::copy::kDigestBytes) return std::nullopt;
    DigestBytes bytes;
    std::ranges::copy(result.value(), bytes.begin());
    return bytes;
}

std::string CopyFailure::message(std::string_view top) const {
    std::string what = "the top";
    if (!path.empty() || !top.empty()) what = base::quote(path.empty() ? top : path);
    return fmt::format("cannot {} {}: {}", proto::copy::verb(operation), what,
                       std::strerror(errno_value));
}

}  // namespace pipeline
