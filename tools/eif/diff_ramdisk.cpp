// Two ramdisks, member by member.
#include <sys/stat.h>

#include <map>
#include <set>

#include "base/format.h"
#include "base/text.h"
#include "difference.h"
#include "member_text.h"
#include "ramdisk.h"

namespace eif {

namespace {

// A name may stand several times; the n-th of one ramdisk is held against the n-th of the other.
using Key = std::pair<std::string, std::size_t>;
using Index = std::map<Key, const RamdiskMember*>;

Index index_of(const Ramdisk& ramdisk) {
    std::map<std::string_view, std::size_t> seen;
    Index index;
    for (const RamdiskMember& entry : ramdisk.members) {
        index.emplace(Key{entry.member.name, seen[entry.member.name]++}, &entry);
    }
    return index;
}

Range content_of(const RamdiskMember& entry) {
    return {entry.contents.get(), entry.member.content_offset, entry.member.fields.size};
}

std::string device_text(std::uint32_t major, std::uint32_t minor) {
    return fmt::format("{}:{}", major, minor);
}

class Comparison {
  public:
    Comparison(Report& report, std::string_view section, const Ramdisk& left, const Ramdisk& right)
        : report_(report), section_(section), left_(left), right_(right) {}

    base::Result<void> run() {
        compare_archives();
        const Index left = index_of(left_);
        const Index right = index_of(right_);
        for (const auto& [key, entry] : left) {
            const auto other = right.find(key);
            if (other == right.end()) {
                report_.add({section_, key.first, "", describe(*entry), "(absent)"});
            } else {
                TRY(compare_members(*entry, *other->second));
            }
        }
        for (const auto& [key, entry] : right) {
            if (left.find(key) == left.end()) {
                report_.add({section_, key.first, "", "(absent)", describe(*entry)});
            }
        }
        compare_order(left, right);
        return {};
    }

    // Members whose inode numbers differ, which follows from any other change.
    std::size_t other_inodes() const { return other_inodes_; }

  private:
    static std::string describe(const RamdiskMember& entry) {
        return fmt::format("{} {}", kind_of(entry.member.fields.mode),
                           mode_text(entry.member.fields.mode));
    }

    void compare_archives() {
        const auto count = [](const Ramdisk& ramdisk) {
            return std::to_string(ramdisk.compression.size());
        };
        report_.compare(section_, "", "archives", count(left_), count(right_));
        const std::size_t common = std::min(left_.compression.size(), right_.compression.size());
        for (std::size_t index = 0; index < common; ++index) {
            report_.compare(section_, "", fmt::format("compression of archive {}", index),
                            std::string(left_.compression[index]),
                            std::string(right_.compression[index]));
        }
    }

    base::Result<void> compare_members(const RamdiskMember& left, const RamdiskMember& right) {
        const std::string& name = left.member.name;
        const NewcFields& one = left.member.fields;
        const NewcFields& other = right.member.fields;
        const auto number = [&](std::string_view field, std::uint64_t a, std::uint64_t b) {
            if (a != b)
                report_.compare(section_, name, field, std::to_string(a), std::to_string(b));
        };
        if (kind_of(one.mode) != kind_of(other.mode)) {
            report_.compare(section_, name, "kind", std::string(kind_of(one.mode)),
                            std::string(kind_of(other.mode)));
        }
        if ((one.mode & 07777) != (other.mode & 07777)) {
            report_.compare(section_, name, "mode", fmt::format("{:04o}", one.mode & 07777),
                            fmt::format("{:04o}", other.mode & 07777));
        }
        number("uid", one.uid, other.uid);
        number("gid", one.gid, other.gid);
        number("nlink", one.link_count, other.link_count);
        number("mtime", one.mtime, other.mtime);
        report_.compare(section_, name, "device", device_text(one.node_major, one.node_minor),
                        device_text(other.node_major, other.node_minor));
        report_.compare(section_, name, "file system",
                        device_text(one.device_major, one.device_minor),
                        device_text(other.device_major, other.device_minor));
        number("archive", left.archive, right.archive);
        if (one.inode != other.inode) ++other_inodes_;
        if (S_ISLNK(one.mode) && S_ISLNK(other.mode)) return compare_targets(left, right);
        return compare_bytes(report_, section_, name, "content", content_of(left),
                             content_of(right));
    }

    base::Result<void> compare_targets(const RamdiskMember& left, const RamdiskMember& right) {
        if (!TRY(first_difference(content_of(left), content_of(right)))) return {};
        const auto target = [](const RamdiskMember& entry) -> base::Result<std::string> {
            std::string text(std::min<std::size_t>(entry.member.fields.size, kMaximumNameBytes),
                             '\0');
            TRY(entry.contents->read_at(entry.member.content_offset,
                                        std::as_writable_bytes(std::span(text))));
            return text;
        };
        report_.compare(section_, left.member.name, "target", TRY(target(left)),
                        TRY(target(right)));
        return {};
    }

    // Whether the members that both have stand in the same order.
    void compare_order(const Index& left, const Index& right) {
        std::vector<std::string_view> one;
        std::vector<std::string_view> other;
        for (const RamdiskMember& entry : left_.members) {
            if (right.contains({entry.member.name, 0})) one.push_back(entry.member.name);
        }
        for (const RamdiskMember& entry : right_.members) {
            if (left.contains({entry.member.name, 0})) other.push_back(entry.member.name);
        }
        for (std::size_t place = 0; place < std::min(one.size(), other.size()); ++place) {
            if (one[place] == other[place]) continue;
            report_.compare(section_, "", "order of members", std::string(one[place]),
                            std::string(other[place]));
            return;
        }
    }

    Report& report_;
    std::string section_;
    const Ramdisk& left_;
    const Ramdisk& right_;
    std::size_t other_inodes_ = 0;
};

}  // namespace

base::Result<void> compare_ramdisks(Report& report, std::string_view section,
                                    std::shared_ptr<const Input> left, const Range& left_range,
                                    std::shared_ptr<const Input> right, const Range& right_range) {
    if (!TRY(first_difference(left_range, right_range))) return {};
    const base::Result<Ramdisk> one =
        read_ramdisk(std::move(left), left_range.offset, left_range.size);
    const base::Result<Ramdisk> other =
        read_ramdisk(std::move(right), right_range.offset, right_range.size);
    if (!one.ok() || !other.ok()) {
        const auto shown = [](const base::Result<Ramdisk>& ramdisk) {
            return ramdisk.ok() ? std::string("archives") : ramdisk.error().message;
        };
        report.compare(section, "", "kind", shown(one), shown(other));
        return compare_bytes(report, section, "", "content", left_range, right_range);
    }
    const std::size_t before = report.count();
    Comparison comparison(report, section, one.value(), other.value());
    TRY(comparison.run());
    if (report.count() > before) return {};
    if (comparison.other_inodes() > 0) {
        report.add({std::string(section), "", "inode numbers",
                    fmt::format("{} members", comparison.other_inodes()), "other numbers"});
        return {};
    }
    // Padding, trailers, unused header fields, or other settings of a compressor.
    return compare_bytes(report, section, "", "bytes outside of members", left_range, right_range);
}

}  // namespace eif
