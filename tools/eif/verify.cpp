// eif verify: whether an image is whole, well-formed, properly signed and the one expected.

#include <chrono>

#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/main.h"
#include "base/text.h"
#include "commands.h"
#include "image_file.h"
#include "metadata.h"

namespace eif {

namespace {

constexpr std::size_t kMaximumExpectationBytes = 1 << 20;

struct Findings {
    std::vector<std::string> passed;
    std::string failed;  // empty: trusted
};

base::Result<std::int64_t> time_of_judgement(const base::Arguments& arguments) {
    if (arguments.has("at-time")) {
        return static_cast<std::int64_t>(TRY(arguments.number("at-time", 0, 253'402'300'799)));
    }
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

// What makes the file malformed, whatever it may measure.
base::Result<void> check_form(const ImageFile& file, const Scan& scan) {
    if (!file.image.table_faults.empty()) return base::Error::data(file.image.table_faults[0]);
    if (scan.crc32 != file.image.header.crc32) {
        return base::Error::data(
            fmt::format("header field crc32 at 0x220 is 0x{:08x}, but the content has 0x{:08x}",
                        file.image.header.crc32, scan.crc32));
    }
    if (const Section* section = file.image.find(SectionType::metadata)) {
        const std::vector<std::byte> payload = TRY(read_payload(file, *section));
        base::Result<codec::json::Value> parsed = codec::json::parse(base::as_text(payload));
        if (!parsed.ok()) {
            return std::move(parsed).error().at(
                fmt::format("metadata section at {}", section->payload_offset()));
        }
    }
    if (scan.signature && !scan.signature->ok()) return base::Error(scan.signature->error());
    return {};
}

std::string judge_signature(const Scan& scan, bool must_be_signed, std::int64_t now) {
    if (!scan.signature) return must_be_signed ? "the image is not signed" : "";
    const SignatureVerdict& verdict = scan.signature->value();
    if (!verdict.fault.empty()) return fmt::format("signature: {}", verdict.fault);
    const crypto::Certificate& certificate = verdict.certificate;
    if (now < certificate.not_before) {
        return fmt::format("signing certificate: not valid before {}", certificate.not_before_text);
    }
    if (now > certificate.not_after) {
        return fmt::format("signing certificate: not valid after {}", certificate.not_after_text);
    }
    return "";
}

base::Result<Findings> judge(const base::Arguments& arguments, const Scan& scan) {
    Findings findings;
    findings.passed = {"header", "sections", "crc32"};
    findings.failed =
        judge_signature(scan, arguments.has("signed"), TRY(time_of_judgement(arguments)));
    if (!findings.failed.empty()) return findings;
    if (scan.signature) findings.passed.insert(findings.passed.end(), {"signature", "certificate"});
    if (arguments.has("expect")) {
        const std::string path(arguments.value("expect"));
        auto expectations =
            parse_expectations(TRY(base::read_file(path, kMaximumExpectationBytes)));
        if (!expectations.ok()) return std::move(expectations).error().at(base::escape(path));
        const auto differences = compare(scan.measurements, expectations.value());
        if (!differences.empty()) findings.failed = differences[0];
        if (differences.empty()) findings.passed.emplace_back("measurements");
    }
    return findings;
}

std::string describe(const Findings& findings, const Scan& scan, bool as_json) {
    if (!as_json) {
        std::string text;
        for (const std::string& name : findings.passed)
            text += fmt::format("{}: good\n", name);
        if (!scan.signature) text += "signature: none\n";
        return text;
    }
    codec::json::Value passed{codec::json::Array{}};
    for (const std::string& name : findings.passed)
        passed.append(name);
    codec::json::Value object;
    object.set("Trusted", findings.failed.empty())
        .set("Passed", std::move(passed))
        .set("Failed",
             findings.failed.empty() ? codec::json::Value() : codec::json::Value(findings.failed))
        .set("IsSigned", scan.signature.has_value())
        .set("Measurements", to_json(scan.measurements));
    return codec::json::write(object, 2) + "\n";
}

}  // namespace

base::Result<int> verify(const base::Arguments& arguments) {
    TRY(arguments.expect_operands(1, 1));
    const ImageFile file = TRY(open_image(std::string(arguments.operands[0])));
    const Scan scan = TRY(scan_image(file));
    base::Result<void> form = check_form(file, scan);
    if (!form.ok()) return std::move(form).error().at(base::escape(file.input.name));
    const Findings findings = TRY(judge(arguments, scan));
    TRY(base::print(describe(findings, scan, arguments.has("json"))));
    if (findings.failed.empty()) return 0;
    return base::Error(base::ExitCode::no, findings.failed).at(base::escape(file.input.name));
}

}  // namespace eif
