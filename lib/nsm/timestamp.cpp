// A total walk over well-formed, definite CBOR (RFC 8949); depth and lengths are capped.
#include "nsm/timestamp.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/format.h"
#include "base/text.h"

namespace nsm {

using base::Error;
using base::Result;
using Bytes = std::span<const std::byte>;

namespace {

constexpr unsigned kUnsigned = 0, kBytes = 2, kText = 3, kArray = 4, kMap = 5, kTag = 6;
constexpr int kDeepest = 8;
constexpr std::uint64_t kSignedMessageTag = 18;  // COSE_Sign1

struct Head {
    unsigned type;
    std::uint64_t value;
};

class Walk {
  public:
    explicit Walk(Bytes rest) : rest_(rest) {}

    bool done() const { return rest_.empty(); }

    std::optional<Head> head() {
        if (rest_.empty()) return std::nullopt;
        const auto first = std::to_integer<unsigned>(rest_[0]);
        const unsigned detail = first & 0x1F;
        rest_ = rest_.subspan(1);
        if (detail < 24) return Head{first >> 5, detail};
        if (detail > 27) return std::nullopt;  // reserved, or of indefinite length
        const std::size_t count = std::size_t{1} << (detail - 24);
        if (rest_.size() < count) return std::nullopt;
        std::uint64_t value = 0;
        for (const std::byte byte : rest_.first(count))
            value = value << 8 | std::to_integer<unsigned>(byte);
        rest_ = rest_.subspan(count);
        return Head{first >> 5, value};
    }

    // The value of the next item, which is of this type.
    std::optional<std::uint64_t> expect(unsigned type) {
        const auto found = head();
        if (!found || found->type != type) return std::nullopt;
        return found->value;
    }

    std::optional<Bytes> content(std::uint64_t length) {
        if (length > rest_.size()) return std::nullopt;
        const Bytes found = rest_.first(static_cast<std::size_t>(length));
        rest_ = rest_.subspan(found.size());
        return found;
    }

    std::optional<Bytes> string(unsigned type) {
        const auto length = expect(type);
        return length ? content(*length) : std::nullopt;
    }

    bool skip(int depth = 0) {
        const auto found = head();
        if (!found || depth > kDeepest) return false;
        switch (found->type) {
            case kBytes:
            case kText: return content(found->value).has_value();
            case kTag: return skip(depth + 1);
            case kArray:
            case kMap: {
                // Every item takes a byte at least, which also bounds the doubling.
                if (found->value > rest_.size()) return false;
                const std::uint64_t items = found->type == kMap ? 2 * found->value : found->value;
                for (std::uint64_t item = 0; item < items; ++item) {
                    if (!skip(depth + 1)) return false;
                }
                return true;
            }
            default: return true;  // numbers and simple values are all head
        }
    }

    // Calls visit(key, *this) for each pair of a map with text keys; it takes the value.
    template <typename Visit>
    bool map(Visit visit) {
        const auto count = expect(kMap);
        for (std::uint64_t pair = 0; count && pair < *count; ++pair) {
            const auto key = string(kText);
            if (!key || !visit(base::as_text(*key))) return false;
        }
        return count.has_value();
    }

  private:
    Bytes rest_;
};

Error malformed(std::string_view what) {
    return Error(base::ExitCode::protocol, fmt::format("the NSM's {} is malformed", what));
}

}  // namespace

Bytes plain_attestation_request() {
    static constexpr std::string_view kRequest =
        "\xA1\x6B"
        "Attestation\xA3\x69"
        "user_data\xF6\x65"
        "nonce\xF6\x6A"
        "public_key\xF6";
    return base::as_bytes(kRequest);
}

Result<Bytes> reply_document(Bytes reply) {
    Walk walk(reply);
    std::optional<Bytes> document;
    std::string refusal;
    const bool whole = walk.map([&](std::string_view name) {
        if (name == "Error") {
            const auto reason = walk.string(kText);
            if (reason) refusal = base::escape(base::as_text(*reason), 64);
            return reason.has_value();
        }
        return name == "Attestation" && walk.map([&](std::string_view field) {
            if (field != "document") return walk.skip();
            if (document) return false;
            document = walk.string(kBytes);
            return document.has_value();
        });
    });
    if (whole && walk.done() && document && refusal.empty()) return *document;
    if (!refusal.empty()) {
        return Error(base::ExitCode::protocol, fmt::format("the NSM says {}", refusal));
    }
    return malformed("reply");
}

Result<std::chrono::milliseconds> document_time(Bytes document) {
    constexpr std::uint64_t kParts = 4;
    Walk outer(document);
    auto head = outer.head();
    if (head && head->type == kTag && head->value == kSignedMessageTag) head = outer.head();
    if (!head || head->type != kArray || head->value != kParts) return malformed("document");
    const bool before = outer.string(kBytes).has_value() && outer.skip();
    const auto payload = before ? outer.string(kBytes) : std::nullopt;
    if (!payload || !outer.string(kBytes) || !outer.done()) return malformed("document");

    Walk walk(*payload);
    std::optional<std::uint64_t> time;
    const bool whole = walk.map([&](std::string_view name) {
        if (name != "timestamp") return walk.skip();
        if (time) return false;
        time = walk.expect(kUnsigned);
        return time.has_value();
    });
    if (!whole || !walk.done() || !time) return malformed("document");
    if (*time < static_cast<std::uint64_t>(kEarliestTime.count()) ||
        *time >= static_cast<std::uint64_t>(kLatestTime.count())) {
        return Error(base::ExitCode::protocol,
                     fmt::format("the NSM's time cannot be: {} ms since 1970", *time));
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(*time));
}

}  // namespace nsm
