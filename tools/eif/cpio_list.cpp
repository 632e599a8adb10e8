// Members as lines in the manner of ls, or as JSON lines.
#include "cpio_list.h"

#include <sys/stat.h>

#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "codec/json.h"
#include "input.h"
#include "member_text.h"
#include "ramdisk.h"

namespace eif {

namespace {

constexpr std::size_t kPrintBytes = 64 * 1024;

base::Result<std::string> link_target(const RamdiskMember& entry) {
    const NewcFields& fields = entry.member.fields;
    if (!S_ISLNK(fields.mode) || fields.size > kMaximumNameBytes) return std::string();
    std::string target(fields.size, '\0');
    TRY(entry.contents->read_at(entry.member.content_offset,
                                std::as_writable_bytes(std::span(target))));
    return target;
}

base::Result<std::string> line(const RamdiskMember& entry, bool as_json) {
    const NewcFields& fields = entry.member.fields;
    const std::string target = TRY(link_target(entry));
    if (!as_json) {
        const bool device = S_ISCHR(fields.mode) || S_ISBLK(fields.mode);
        std::string text =
            fmt::format("{} {:>3} {:>5} {:>5} {:>10} {:>10} {}", mode_text(fields.mode),
                        fields.link_count, fields.uid, fields.gid,
                        device ? fmt::format("{},{}", fields.node_major, fields.node_minor)
                               : std::to_string(fields.size),
                        fields.mtime, base::escape(entry.member.name, kMaximumNameBytes));
        if (!target.empty()) text += " -> " + base::escape(target, kMaximumNameBytes);
        return text + "\n";
    }
    codec::json::Value object;
    object.set("name", entry.member.name)
        .set("kind", kind_of(fields.mode))
        .set("mode", fmt::format("{:04o}", fields.mode & 07777))
        .set("uid", std::int64_t{fields.uid})
        .set("gid", std::int64_t{fields.gid})
        .set("nlink", std::int64_t{fields.link_count})
        .set("inode", std::int64_t{fields.inode})
        .set("mtime", std::int64_t{fields.mtime})
        .set("size", std::int64_t{fields.size})
        .set("archive", static_cast<std::int64_t>(entry.archive));
    if (!target.empty()) object.set("target", target);
    return codec::json::write(object) + "\n";
}

}  // namespace

base::Result<int> list_archives(const base::Arguments& arguments) {
    std::string text;
    for (const std::string_view path : arguments.operands) {
        const auto input = std::make_shared<const Input>(TRY(open_input(std::string(path))));
        base::Result<Ramdisk> ramdisk = read_ramdisk(input, 0, input->size);
        if (!ramdisk.ok()) return std::move(ramdisk).error().at(base::escape(input->name));
        for (const RamdiskMember& entry : ramdisk->members) {
            text += TRY(line(entry, arguments.has("json")));
            if (text.size() < kPrintBytes) continue;
            TRY(base::print(text));
            text.clear();
        }
    }
    TRY(base::print(text));
    return 0;
}

}  // namespace eif
