// Copies on the server.
#include "copy_task.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using base::Result;
using proto::pipeline::FieldId;
using proto::pipeline::Payload;

namespace {

std::string_view without_slash(std::string_view folder) {
    while (folder.size() > 1 && folder.ends_with('/'))
        folder.remove_suffix(1);
    return folder;
}

// The rest of `path` below `folder`, by whole components; nothing when it is not below.
std::optional<std::string> below(std::string_view folder, std::string_view path) {
    folder = without_slash(folder);
    if (!path.starts_with(folder)) return std::nullopt;
    std::string_view rest = path.substr(folder.size());
    if (!rest.empty() && rest.front() != '/' && folder != "/") return std::nullopt;
    while (rest.starts_with('/'))
        rest.remove_prefix(1);
    return rest.empty() ? "." : std::string(rest);
}

Result<Jail> open_jail(const std::string& folder) {
    if (folder.empty()) return Jail::everywhere();
    return Jail::below(folder);
}

// What both engines say in the end. Entries that failed are among the records; this is about the
// transfer as such.
Payload result_fields(const std::string& bad_because, const std::optional<DigestBytes>& digest,
                      const proto::copy::Totals& totals) {
    Payload fields;
    if (!bad_because.empty()) {
        fields.number(FieldId::code, static_cast<std::uint64_t>(ExitCode::protocol));
        fields.text(FieldId::text, bad_because);
        return fields;
    }
    fields.number(FieldId::code, 0);
    fields.number(FieldId::files, totals.entries);
    fields.number(FieldId::bytes, totals.bytes);
    if (digest.has_value()) fields.bytes(FieldId::digest, *digest);
    return fields;
}

TaskReport report_of(const std::string& bad_because, CopyFailures& failures, std::uint64_t bytes) {
    if (!bad_because.empty()) return {"broken off: " + bad_because, bytes};
    if (failures.count() == 0) return {"done", bytes};
    const std::vector<CopyFailure> kept = failures.take();
    const std::string first = kept.empty() ? "" : kept.front().message();
    return {fmt::format("{} failures, first: {}", failures.count(), first), bytes};
}

}  // namespace

Result<JailedPath> jailed_path(const std::vector<std::string>& folders, const std::string& path) {
    if (folders.empty()) return JailedPath{"", path};
    if (!path.starts_with('/')) return JailedPath{folders.front(), path};
    for (const std::string& folder : folders) {
        if (std::optional<std::string> rest = below(folder, path)) {
            const bool slash = path.ends_with('/') && !rest->ends_with('/');
            return JailedPath{folder, slash ? *rest + "/" : *rest};
        }
    }
    std::string names;
    for (const std::string& folder : folders)
        names += (names.empty() ? "" : ", ") + folder;
    return Error(ExitCode::refused, fmt::format("{} is outside of what this key may copy: {}",
                                                base::quote(path), names));
}

template <typename Engine>
void CopyTask::finish_as(Engine& engine) {
    finish(result_fields(engine.bad_because(), engine.digest(), engine.result()),
           report_of(engine.bad_because(), engine.failures(), engine.progress().bytes));
}

Result<void> PutTask::start() {
    const JailedPath place = TRY(jailed_path(folders_, request_.path));
    jail_ = TRY(open_jail(place.folder));
    CopyTarget target;
    target.jail = &*jail_;
    target.style = request_.style;
    target.path = place.path;
    target.source_name = request_.source_name;
    ReceiveOptions options;
    options.attributes.archive = request_.archive;
    const mode_t mask = ::umask(022);
    ::umask(mask);
    options.attributes.umask = mask;
    options.resume = request_.resume;
    options.maximum_bytes = std::min(options.maximum_bytes, max_bytes_);
    copy_ = TRY(ReceivingCopy::create(loop_, stream(), std::move(target), options,
                                      [this] { finish_as(copy_->engine()); }));
    return {};
}

Result<void> GetTask::start() {
    const JailedPath place = TRY(jailed_path(folders_, request_.path));
    const Jail jail = TRY(open_jail(place.folder));
    CopySource source = TRY(open_source(jail, place.path, true));
    SendOptions options;
    options.archive = request_.archive;
    options.resume = request_.resume;
    if (request_.part.has_value()) {
        options.part = SendOptions::Part{request_.part->offset, request_.part->length};
        source.shape = proto::copy::Shape::part;
    }
    copy_ = TRY(SendingCopy::create(loop_, stream(), std::move(source), options,
                                    [this] { finish_as(copy_->engine()); }));
    return {};
}

}  // namespace pipeline
