// Versions, nonce, document.
#include "greeting.h"

#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "crypto/digest.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using base::Result;
using crypto::HashAlgorithm;
using proto::pipeline::FieldId;
using proto::pipeline::Fields;
using proto::pipeline::Payload;

namespace {

constexpr std::string_view kBindingLabel = "enclavebox pipeline evidence 1\n";
constexpr std::size_t kMaximumSoftware = 128;

std::string own_software() {
    return fmt::format("enclavebox {}", base::kVersion);
}

Payload versions() {
    Payload fields;
    fields.number(FieldId::minimum_version, proto::pipeline::kMinimumVersion);
    fields.number(FieldId::current_version, proto::pipeline::kCurrentVersion);
    fields.text(FieldId::software, own_software());
    return fields;
}

Result<void> agree_on_version(const Fields& fields) {
    const auto minimum = fields.number(FieldId::minimum_version);
    const auto current = fields.number(FieldId::current_version);
    if (!minimum.has_value() || !current.has_value()) {
        return Error(ExitCode::protocol, "the peer's greeting names no versions");
    }
    if (*minimum > proto::pipeline::kCurrentVersion ||
        *current < proto::pipeline::kMinimumVersion) {
        return Error(ExitCode::protocol,
                     fmt::format("the peer speaks versions {} to {}, and this side {} to {}",
                                 *minimum, *current, proto::pipeline::kMinimumVersion,
                                 proto::pipeline::kCurrentVersion))
            .with_hint("use the same release of pipeline on both sides");
    }
    return {};
}

std::string software_of(const Fields& fields) {
    return base::escape(fields.text(FieldId::software).value_or("unknown"), kMaximumSoftware);
}

}  // namespace

Result<std::vector<std::byte>> evidence_binding(std::span<const std::byte> nonce,
                                                std::span<const std::byte> exporter,
                                                std::span<const std::byte> server_key) {
    const std::vector<std::byte> key = TRY(crypto::hash(HashAlgorithm::sha256, server_key));
    crypto::Digest digest = TRY(crypto::Digest::create(HashAlgorithm::sha512));
    TRY(digest.update(base::as_bytes(kBindingLabel)));
    TRY(digest.update(nonce));
    TRY(digest.update(exporter));
    TRY(digest.update(key));
    return digest.finish();
}

Payload encode(const Hello& hello) {
    Payload fields = versions();
    fields.bytes(FieldId::nonce, hello.nonce);
    return fields;
}

Payload encode(const Welcome& welcome) {
    Payload fields = versions();
    fields.bytes(FieldId::document, welcome.document);
    return fields;
}

Result<Hello> decode_hello(const Fields& fields) {
    TRY(agree_on_version(fields));
    const auto nonce = fields.bytes(FieldId::nonce);
    if (!nonce.has_value() || nonce->size() != proto::pipeline::kNonceBytes) {
        return Error(ExitCode::protocol, "the client's greeting has no nonce of 32 bytes");
    }
    return Hello{{nonce->begin(), nonce->end()}, software_of(fields)};
}

Result<Welcome> decode_welcome(const Fields& fields) {
    TRY(agree_on_version(fields));
    const auto document = fields.bytes(FieldId::document);
    if (!document.has_value()) {
        return Error(ExitCode::protocol, "the server's greeting has no attestation document");
    }
    return Welcome{{document->begin(), document->end()}, software_of(fields)};
}

}  // namespace pipeline
