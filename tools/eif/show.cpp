// eif show: what an image says about itself, as the object of the vendor's describe-eif.

#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "commands.h"
#include "image_file.h"

namespace eif {

namespace {

using codec::json::Value;

Value certificate_facts(const crypto::Certificate& certificate) {
    Value issuer{codec::json::Object{}};
    for (const auto& [name, value] : certificate.issuer) {
        if (issuer.find(name) == nullptr) issuer.set(name, value);
    }
    std::string signature;
    for (const std::byte byte : certificate.signature) {
        signature +=
            fmt::format("{}{:02X}", signature.empty() ? "" : ":", std::to_integer<unsigned>(byte));
    }
    Value facts;
    facts.set("IssuerName", std::move(issuer))
        .set("Algorithm", certificate.signature_algorithm)
        .set("NotBefore", certificate.not_before_text)
        .set("NotAfter", certificate.not_after_text)
        .set("Signature", signature);
    return facts;
}

// Adds ImageName, ImageVersion and Metadata, custom members among its own.
base::Result<void> add_metadata(const ImageFile& file, const Section& section, Value& object) {
    const std::vector<std::byte> payload = TRY(read_payload(file, section));
    base::Result<Value> parsed = codec::json::parse(base::as_text(payload));
    if (!parsed.ok()) return std::move(parsed).error().at("metadata section");
    const Value& document = parsed.value();
    for (const std::string_view key : {"ImageName", "ImageVersion"}) {
        if (const Value* value = document.find(key)) object.set(key, *value);
    }
    Value shown{codec::json::Object{}};
    if (const Value* build = document.find("BuildMetadata"); build && build->as_object()) {
        shown = *build;
    }
    if (const Value* docker = document.find("DockerInfo")) shown.set("DockerInfo", *docker);
    if (const Value* custom = document.find("CustomMetadata"); custom && custom->as_object()) {
        for (const auto& [key, value] : *custom->as_object()) {
            if (shown.find(key) == nullptr) shown.set(key, value);
        }
    }
    object.set("Metadata", std::move(shown));
    return {};
}

}  // namespace

base::Result<int> show(const base::Arguments& arguments) {
    TRY(arguments.expect_operands(1, 1));
    const ImageFile file = TRY(open_image(std::string(arguments.operands[0])));
    warn_of_table_faults(file);
    const Scan scan = TRY(scan_image(file));
    Value object;
    object.set("EifVersion", std::int64_t{file.image.header.version})
        .set("Measurements", to_json(scan.measurements))
        .set("IsSigned", scan.signature.has_value());
    if (scan.signature && scan.signature->ok()) {
        object.set("SigningCertificate", certificate_facts(scan.signature->value().certificate));
    }
    object.set("CheckCRC", scan.crc32 == file.image.header.crc32);
    if (scan.signature) {
        object.set("SignatureCheck", scan.signature->ok() && scan.signature->value().fault.empty());
    }
    if (const Section* metadata = file.image.find(SectionType::metadata)) {
        TRY(add_metadata(file, *metadata, object));
    }
    TRY(base::print(codec::json::write(object, 2) + "\n"));
    return 0;
}

}  // namespace eif
