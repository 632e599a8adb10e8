// Makes documents of the real shape with a PKI of its own, and with whatever is wrong with them
// that a test wants.
#pragma once

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "attest/document.h"
#include "attest/root.h"
#include "attest/verify.h"
#include "base/text.h"
#include "codec/cbor.h"
#include "crypto/ecdsa.h"
#include "crypto/issue.h"

namespace attest_test {

using attest::Bytes;
using crypto::CertificateContent;
using crypto::Curve;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr seconds kNow{1'700'000'000};
enum Level : std::size_t { root, regional, zonal, instance, leaf };
inline constexpr std::size_t kLevels = 5;

// Field name and encoded value.
using Fields = std::vector<std::pair<std::string, Bytes>>;

inline Bytes encoded(const std::function<void(codec::cbor::Writer&)>& write) {
    Bytes out;
    codec::cbor::Writer writer(out);
    write(writer);
    return out;
}
inline Bytes text_of(std::string_view text) {
    return encoded([&](auto& writer) { writer.text(text); });
}
inline Bytes bytes_of(std::span<const std::byte> bytes) {
    return encoded([&](auto& writer) { writer.bytes(bytes); });
}
inline Bytes number_of(std::uint64_t number) {
    return encoded([&](auto& writer) { writer.unsigned_integer(number); });
}
inline Bytes null() {
    return encoded([](auto& writer) { writer.null(); });
}
inline Bytes hex(std::string_view digits) {
    return base::from_hex(digits).value();
}

class Maker {
  public:
    Maker() {
        static constexpr std::string_view kNames[] = {"root", "regional", "zonal", "instance",
                                                      "leaf"};
        for (std::size_t level = 0; level < kLevels; ++level) {
            CertificateContent& content = contents[level];
            content.subject = {{"CN", std::string(kNames[level])}};
            content.not_before = (kNow - seconds(60)).count();
            content.not_after = (kNow + seconds(3600)).count();
            content.basic_constraints.emplace();
            content.basic_constraints->authority = level != leaf;
            content.key_usage.emplace();
            content.key_usage->bits = level == leaf ? std::vector{0, 1} : std::vector{0, 5, 6};
            if (level >= regional && level <= instance) {
                content.basic_constraints->path_length = static_cast<unsigned>(instance - level);
            }
        }
        curves.fill(Curve::p384);
        algorithm = -35;
        for (unsigned index = 0; index < 16; ++index)
            pcrs.emplace_back(index, Bytes(48, std::byte(index < 3 ? index + 1 : 0)));
    }

    // The certificates as the contents now say; keys are made once.
    void issue() {
        certificates.clear();
        for (std::size_t level = 0; level < kLevels; ++level) {
            const crypto::PrivateKey& subject = key(level);
            const crypto::PrivateKey& issuer = key(level == root ? root : level - 1);
            const Bytes above = level == root ? Bytes() : certificates[level - 1];
            auto made = crypto::issue_certificate(contents[level], subject.public_key().value(),
                                                  above, issuer);
            REQUIRE(made.ok());
            certificates.push_back(std::move(made).value());
        }
    }

    Fields fields() {
        if (certificates.empty()) issue();
        Bytes registers;
        codec::cbor::Writer writer(registers);
        writer.map(pcrs.size());
        for (const auto& [index, value] : pcrs)
            writer.unsigned_integer(index).bytes(value);
        Bytes bundle;
        codec::cbor::Writer array(bundle);
        array.array(kLevels - 1);
        for (std::size_t level = 0; level < leaf; ++level)
            array.bytes(certificates[level]);
        return {{"module_id", text_of("i-1234-enc5678")},
                {"digest", text_of("SHA384")},
                {"timestamp", number_of(static_cast<std::uint64_t>(milliseconds(kNow).count()))},
                {"pcrs", registers},
                {"certificate", bytes_of(certificates[leaf])},
                {"cabundle", bundle},
                {"public_key", null()},
                {"user_data", bytes_of(base::as_bytes("user data"))},
                {"nonce", bytes_of(base::as_bytes("nonce"))}};
    }

    static Bytes payload_of(const Fields& fields) {
        Bytes out;
        codec::cbor::Writer writer(out);
        writer.map(fields.size());
        for (const auto& [name, value] : fields)
            writer.text(name).encoded(value);
        return out;
    }

    // Signs whatever the payload is.
    Bytes document_of(const Bytes& payload) {
        const Bytes header =
            encoded([&](auto& w) { w.map(1).unsigned_integer(1).integer(algorithm); });
        attest::Document parts;
        parts.protected_header = header;
        parts.payload = payload;
        Bytes signature = signature_override;
        if (signature.empty()) signature = key(leaf).sign(attest::signed_bytes(parts)).value();
        Bytes out;
        codec::cbor::Writer(out).array(4).bytes(header).map(0).bytes(payload).bytes(signature);
        return out;
    }
    Bytes document_of(const Fields& fields) { return document_of(payload_of(fields)); }
    Bytes document() { return document_of(fields()); }

    // A document with one field changed; an empty value leaves it out.
    Bytes with(std::string_view name, const Bytes& value) {
        Fields changed = fields();
        std::erase_if(changed, [&](auto& field) {
            if (field.first != name) return false;
            field.second = value;
            return value.empty();
        });
        return document_of(changed);
    }

    crypto::Link pinned_root() {
        if (certificates.empty()) issue();
        auto link = crypto::parse_link(certificates[root], "root");
        REQUIRE(link.ok());
        return std::move(link).value();
    }

    crypto::PrivateKey& key(std::size_t level) {
        if (!keys[level]) keys[level] = crypto::PrivateKey::generate(curves[level]).value();
        return *keys[level];
    }

    std::array<CertificateContent, kLevels> contents;
    std::array<Curve, kLevels> curves{};
    std::array<std::optional<crypto::PrivateKey>, kLevels> keys;
    std::vector<Bytes> certificates;
    std::vector<std::pair<unsigned, Bytes>> pcrs;
    std::int64_t algorithm = 0;
    Bytes signature_override;
};

}  // namespace attest_test
