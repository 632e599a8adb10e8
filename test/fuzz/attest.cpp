// No document breaks the decoder or the judgement; what is decoded keeps its limits, and nothing is
// proven under a root that is not its own.
#include <algorithm>
#include <cstdlib>

#include "attest/root.h"
#include "attest/verify.h"
#include "base/text.h"

namespace {

using attest::Document;

void require(bool condition) {
    if (!condition) std::abort();
}

bool is_short(const std::optional<attest::Bytes>& field) {
    return !field || field->size() <= attest::kMaximumFieldBytes;
}

void check_limits(const Document& document) {
    require(!document.payload.empty() && document.payload.size() <= attest::kMaximumPayloadBytes);
    require(!document.module_id.empty());
    require(document.timestamp.count() > 0);
    require(!document.pcrs.empty() && document.pcrs.rbegin()->first <= attest::kHighestRegister);
    require(!document.cabundle.empty() &&
            document.cabundle.size() <= attest::kMaximumBundleCertificates);
    require(is_short(document.public_key) && is_short(document.user_data) &&
            is_short(document.nonce));
    const bool unsigned_document = document.kind == attest::Kind::emulated;
    require(document.signature.size() == (unsigned_document ? 64 : 96));
    const auto covered = attest::signed_bytes(document);
    require(std::ranges::equal(document.payload, std::span(covered).last(document.payload.size())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto decoded = attest::decode(std::as_bytes(std::span(data, size)));
    if (!decoded.ok()) return 0;
    const Document& document = decoded.value();
    check_limits(document);
    static const attest::Settings* const vendor =
        new attest::Settings(attest::aws_nitro_root().value());
    const auto verdict = attest::verify_stored(document, *vendor);
    // A real document may be among the seeds.
    require(verdict.ok());
    require(!verdict.value().accepted() || document.cabundle[0] == vendor->root.der);

    // Under its own root the chain is walked, and a verdict with a cache is the one without.
    auto own = attest::read_root(base::as_text(document.cabundle[0]), "bundle");
    if (!own.ok()) return 0;
    attest::Settings settings(std::move(own).value());
    settings.allow_emulated = true;
    settings.allow_debug = true;
    attest::LinkCache cache;
    const auto cold = attest::verify_stored(document, settings, &cache);
    const auto warm = attest::verify_stored(document, settings, &cache);
    require(cold.ok() && warm.ok());
    require(describe(cold.value()) == describe(warm.value()));
    return 0;
}
