// Syncing and naming.
#include "copy_commit.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "base/format.h"
#include "copy_sync.h"
#include "jail.h"

namespace pipeline {

namespace {

// Entries of one step that get their names or are synced as folders.
constexpr std::size_t kActionsOfStep = 16;
// Descriptors left for everything else, levels among it.
constexpr std::size_t kOtherDescriptors = 320;
// Files whose other names may come: 48 bytes each.
constexpr std::size_t kMaximumLinked = 200'000;

int move(int folder, const std::string& from, const std::string& to, bool overwrite) {
    return ::renameat2(folder, from.c_str(), folder, to.c_str(), overwrite ? 0 : RENAME_NOREPLACE);
}

// Some file systems cannot sync a folder, and have nothing to sync.
bool sync_folder(int fd) {
    return ::fsync(fd) == 0 || errno == EINVAL || errno == EROFS;
}

}  // namespace

CommitBatch::CommitBatch() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
    const std::size_t free = limit.rlim_cur > kOtherDescriptors
                                 ? static_cast<std::size_t>(limit.rlim_cur) - kOtherDescriptors
                                 : 0;
    limit_ = std::clamp<std::size_t>(free / 2, 8, kMaximumActions);
}

void CommitBatch::touch(const std::shared_ptr<TargetFolder>& folder) {
    if (std::exchange(folder->touched, true)) return;
    touched_.push_back(folder);
}

void CommitBatch::add_linked(const struct stat& status) {
    if (linked_.size() < kMaximumLinked) linked_.emplace(status.st_dev, status.st_ino);
}

bool CommitBatch::step(std::vector<Refusal>& refusals) {
    const Report attempt = [&refusals](Action& action, const MaybeTrouble& trouble) {
        if (!trouble.has_value()) return;
        refusals.push_back({action.serial, action.path, *trouble});
        if (!is_about_attributes(trouble->operation)) {
            action.folder.reset();  // nothing more is done for it
            action.fd.reset();
        }
    };
    if (synced_ < actions_.size()) {
        sync_some(attempt);
        return false;
    }
    for (std::size_t work = 0; work < kActionsOfStep; ++work) {
        if (carried_out_ < actions_.size()) {
            Action& action = actions_[carried_out_++];
            if (action.folder != nullptr) attempt(action, carry_out(action));
            action.fd.reset();
        } else if (!touched_.empty()) {
            const auto folder = std::move(touched_.back());
            touched_.pop_back();
            folder->touched = false;
            if (!sync_folder(folder->fd.get())) {
                refusals.push_back({0, "", {errno, CopyStep::sync}});
            }
        } else {
            break;
        }
    }
    if (carried_out_ < actions_.size() || !touched_.empty()) return false;
    actions_.clear();
    synced_ = carried_out_ = 0;
    return true;
}

void CommitBatch::sync_some(const Report& report) {
    std::array<SyncJob, kSyncsAtOnce> jobs;
    std::array<std::size_t, kSyncsAtOnce> owners;
    std::size_t count = 0;
    for (; synced_ < actions_.size() && count < jobs.size(); ++synced_) {
        if (actions_[synced_].kind != Action::Kind::file) continue;
        owners[count] = synced_;
        jobs[count++] = {actions_[synced_].fd.get(), 0};
    }
    sync_files(std::span(jobs).first(count));
    for (std::size_t index = 0; index < count; ++index) {
        if (jobs[index].errno_value == 0) continue;
        report(actions_[owners[index]], Trouble{jobs[index].errno_value, CopyStep::sync});
    }
}

MaybeTrouble CommitBatch::carry_out(Action& action) {
    if (action.kind == Action::Kind::folder) {
        return apply_attributes(action.folder->fd.get(), action.attributes, rules_, true);
    }
    touch(action.folder);
    if (action.kind == Action::Kind::hard_link) return make_hard_link(action);
    if (const auto failed = give_name(action); failed.has_value()) return failed;
    struct stat status {};
    if (action.linked && ::fstat(action.fd.get(), &status) == 0) add_linked(status);
    return std::nullopt;
}

MaybeTrouble CommitBatch::give_name(Action& action) const {
    const int folder = action.folder->fd.get();
    if (!action.hidden.exists()) {
        const std::string source = fmt::format("/proc/self/fd/{}", action.fd.get());
        const auto link = [&](const std::string& name) {
            return ::linkat(AT_FDCWD, source.c_str(), folder, name.c_str(), AT_SYMLINK_FOLLOW);
        };
        if (link(action.name) == 0) return std::nullopt;
        if (errno != EEXIST || !overwrite_) return Trouble{errno, CopyStep::create};
        std::string hidden = random_hidden_name();
        if (link(hidden) != 0) return Trouble{errno, CopyStep::create};
        action.hidden = HiddenName(action.folder, std::move(hidden), false);
    }
    if (move(folder, action.hidden.name(), action.name, overwrite_) != 0) {
        return Trouble{errno, CopyStep::rename};
    }
    action.hidden.release();
    return std::nullopt;
}

MaybeTrouble CommitBatch::make_hard_link(const Action& action) {
    const std::size_t slash = action.target.rfind('/');
    const bool top = slash == std::string::npos;
    const base::Fd above(
        open_below(top_folder_, top ? "." : action.target.substr(0, slash), O_PATH | O_DIRECTORY));
    const std::string name = top ? action.target : action.target.substr(slash + 1);
    if (!above.valid()) return Trouble{errno, CopyStep::link};
    const int folder = action.folder->fd.get();
    std::string hidden_name = random_hidden_name();
    // linkat() follows nothing here. What it linked is looked at before it gets the name: only a
    // file of this transfer may have one more.
    if (::linkat(above.get(), name.c_str(), folder, hidden_name.c_str(), 0) != 0) {
        return Trouble{errno, CopyStep::link};
    }
    // It goes in any case: rename() leaves it behind when both names are one file already.
    const HiddenName hidden(action.folder, std::move(hidden_name), false);
    struct stat status {};
    if (::fstatat(folder, hidden.name().c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return Trouble{errno, CopyStep::link};
    }
    if (!S_ISREG(status.st_mode) || !linked_.contains({status.st_dev, status.st_ino})) {
        return Trouble{EPERM, CopyStep::link};
    }
    if (::fstatat(folder, action.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        is_special(status.st_mode)) {
        return Trouble{ENOTSUP, CopyStep::special};
    }
    if (move(folder, hidden.name(), action.name, overwrite_) != 0) {
        return Trouble{errno, CopyStep::rename};
    }
    return std::nullopt;
}

}  // namespace pipeline
