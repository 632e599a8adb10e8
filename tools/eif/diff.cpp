// eif diff: why two images are not the same.

#include <algorithm>
#include <limits>

#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "commands.h"
#include "difference.h"
#include "image_file.h"

namespace eif {

namespace {

struct Side {
    std::shared_ptr<const Input> input;
    Image image;

    // The n-th section of a type; nullptr when there are not so many.
    const Section* find(SectionType type, std::size_t number) const {
        for (const Section& section : image.sections) {
            if (section.type == type && number-- == 0) return &section;
        }
        return nullptr;
    }
    Range range(const Section& section) const {
        return {input.get(), section.payload_offset(), section.size};
    }
    base::Result<std::string> text(const Section& section) const {
        std::string content(section.size, '\0');
        TRY(input->read_at(section.payload_offset(), std::as_writable_bytes(std::span(content))));
        return content;
    }
};

base::Result<Side> open_side(std::string_view path) {
    ImageFile file = TRY(open_image(std::string(path)));
    warn_of_table_faults(file);
    return Side{std::make_shared<const Input>(std::move(file.input)), std::move(file.image)};
}

void compare_headers(Report& report, const Header& left, const Header& right) {
    const auto number = [&](std::string_view field, std::uint64_t one, std::uint64_t other) {
        report.compare("header", "", field, std::to_string(one), std::to_string(other));
    };
    number("version", left.version, right.version);
    number("flags", left.flags, right.flags);
    number("default_mem", left.default_memory_bytes, right.default_memory_bytes);
    number("default_cpus", left.default_cpu_count, right.default_cpu_count);
}

void compare_order(Report& report, const Image& left, const Image& right) {
    const auto order = [](const Image& image) {
        std::string text;
        for (const Section& section : image.sections) {
            text += fmt::format("{}{}", text.empty() ? "" : " ", name_of(section.type));
        }
        return text;
    };
    report.compare("sections", "", "order", order(left), order(right));
}

base::Result<void> compare_metadata(Report& report, const Side& left, const Section& one,
                                    const Side& right, const Section& other) {
    const auto left_json = codec::json::parse(TRY(left.text(one)));
    const auto right_json = codec::json::parse(TRY(right.text(other)));
    const std::size_t before = report.count();
    if (left_json.ok() && right_json.ok()) {
        compare_json(report, "metadata", "", left_json.value(), right_json.value());
    }
    if (report.count() > before) return {};
    return compare_bytes(report, "metadata", "", "content", left.range(one), right.range(other));
}

base::Result<void> compare_signatures(Report& report, const Side& left, const Section& one,
                                      const Side& right, const Section& other) {
    const auto parse = [](const Side& side,
                          const Section& section) -> base::Result<SignatureSection> {
        const std::string content = TRY(side.text(section));
        return parse_signature_section(base::as_bytes(content));
    };
    const auto left_parts = parse(left, one);
    const auto right_parts = parse(right, other);
    const std::size_t before = report.count();
    if (left_parts.ok() && right_parts.ok()) {
        const auto fact = [&](std::string_view path, const auto& take) {
            report.compare("signature", "", path, take(left_parts.value()),
                           take(right_parts.value()));
        };
        fact("[0].signing_certificate", [](const auto& parts) { return parts.certificate_pem; });
        fact("[0].signature.protected.alg",
             [](const auto& parts) { return std::to_string(parts.algorithm); });
        fact("[0].signature.payload",
             [](const auto& parts) { return base::to_hex(parts.payload); });
        fact("[0].signature.signature",
             [](const auto& parts) { return base::to_hex(parts.signature); });
    }
    if (report.count() > before) return {};
    return compare_bytes(report, "signature", "", "content", left.range(one), right.range(other));
}

base::Result<void> compare_section(Report& report, SectionType type, std::size_t number,
                                   const Side& left, const Side& right) {
    const std::string name = type == SectionType::ramdisk ? fmt::format("ramdisk{}", number)
                                                          : std::string(name_of(type));
    const Section* one = left.find(type, number);
    const Section* other = right.find(type, number);
    if (one == nullptr || other == nullptr) {
        const auto size = [](const Section* section) {
            return section == nullptr ? std::string("(absent)")
                                      : fmt::format("{} bytes", section->size);
        };
        report.compare(name, "", "", size(one), size(other));
        return {};
    }
    switch (type) {
        case SectionType::cmdline:
            report.compare(name, "", "", TRY(left.text(*one)), TRY(right.text(*other)));
            return {};
        case SectionType::metadata: return compare_metadata(report, left, *one, right, *other);
        case SectionType::signature: return compare_signatures(report, left, *one, right, *other);
        case SectionType::ramdisk:
            return compare_ramdisks(report, name, left.input, left.range(*one), right.input,
                                    right.range(*other));
        default:
            return compare_bytes(report, name, "", "content", left.range(*one),
                                 right.range(*other));
    }
}

base::Result<void> compare_images(Report& report, const Side& left, const Side& right) {
    const Range whole_left{left.input.get(), 0, left.input->size};
    const Range whole_right{right.input.get(), 0, right.input->size};
    if (!TRY(first_difference(whole_left, whole_right))) return {};
    compare_headers(report, left.image.header, right.image.header);
    compare_order(report, left.image, right.image);
    for (const SectionType type : {SectionType::kernel, SectionType::cmdline, SectionType::metadata,
                                   SectionType::ramdisk, SectionType::signature}) {
        for (std::size_t number = 0;
             left.find(type, number) != nullptr || right.find(type, number) != nullptr; ++number) {
            TRY(compare_section(report, type, number, left, right));
        }
    }
    // Nothing in the content: then the tables or the checksum of one are wrong.
    if (report.count() == 0) {
        TRY(compare_bytes(report, "header", "", "tables or crc32", whole_left, whole_right));
    }
    return {};
}

}  // namespace

base::Result<int> diff(const base::Arguments& arguments) {
    TRY(arguments.expect_operands(2, 2));
    Report report(static_cast<std::size_t>(
        TRY(arguments.number("limit", 0, std::numeric_limits<std::uint32_t>::max()))));
    const Side left = TRY(open_side(arguments.operands[0]));
    const Side right = TRY(open_side(arguments.operands[1]));
    TRY(compare_images(report, left, right));
    TRY(base::print(arguments.has("json") ? codec::json::write(report.to_json(), 2) + "\n"
                                          : report.to_text()));
    return report.count() == 0 ? 0 : static_cast<int>(base::ExitCode::no);
}

}  // namespace eif
