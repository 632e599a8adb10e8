// The folder of jobs, read and kept short.
#include "jobs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"

namespace pipeline {

namespace {

using base::Error;
using base::Fd;
using base::Result;

constexpr std::size_t kMaxStatus = 4096;
constexpr std::array kFiles = {"command", "stdout", "stderr", "status", "status.new"};

// A plain file in a folder of somebody else's making: no link, no pipe that
// keeps us waiting.
Fd open_plain(int folder, const char* name) {
    Fd fd(::openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat status {};
    if (!fd.valid() || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    return fd;
}

std::optional<std::string> read_plain(int folder, const char* name, std::size_t maximum) {
    const Fd fd = open_plain(folder, name);
    if (!fd.valid()) return std::nullopt;
    std::string text(maximum, '\0');
    const auto count =
        base::read_full(fd.get(), std::as_writable_bytes(std::span(text.data(), maximum)), name);
    if (!count.ok()) return std::nullopt;
    text.resize(count.value());
    return text;
}

Fd open_folder(int at, const char* name) {
    return Fd(::openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
}

// The watcher holds the lock as long as it lives.
bool is_watched(int folder) {
    const Fd fd = open_plain(folder, "command");
    return fd.valid() && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

std::optional<Job> read_job(int jobs, const std::string& id) {
    const Fd folder = open_folder(jobs, id.c_str());
    if (!folder.valid()) return std::nullopt;
    // Before the status: what ends in between has ended.
    const bool watched = is_watched(folder.get());
    const auto text = read_plain(folder.get(), "status", kMaxStatus);
    if (!text) return std::nullopt;
    auto status = parse_job_status(*text);
    if (!status.ok()) return std::nullopt;
    Job job;
    job.id = id;
    job.status = std::move(status).value();
    job.command = read_plain(folder.get(), "command", kMaxJobCommand).value_or("");
    job.state = job.status.end ? JobState::ended : watched ? JobState::running : JobState::lost;
    return job;
}

Result<std::vector<Job>> all_jobs(const std::string& folder) {
    std::vector<Job> jobs;
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder.c_str()), &::closedir);
    if (!listing && errno == ENOENT) return jobs;
    if (!listing) return Error::system("list", folder);
    while (const dirent* entry = ::readdir(listing.get())) {
        if (!is_job_id(entry->d_name)) continue;
        auto job = read_job(::dirfd(listing.get()), entry->d_name);
        if (job) jobs.push_back(*std::move(job));
    }
    std::sort(jobs.begin(), jobs.end(), [](const Job& left, const Job& right) {
        return std::pair(left.status.started, left.id) < std::pair(right.status.started, right.id);
    });
    return jobs;
}

Result<void> make_folder(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
    return Error::system("make the folder", path);
}

}  // namespace

bool is_job_id(std::string_view text) {
    return text.size() == 12 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

Result<std::string> make_jobs_folder(const std::string& root, const base::Account& account) {
    for (std::size_t slash = root.find('/', 1); slash != std::string::npos;
         slash = root.find('/', slash + 1)) {
        TRY(make_folder(root.substr(0, slash), 0755));
    }
    TRY(make_folder(root, 0711));
    std::string folder = fmt::format("{}/{}", root, account.user);
    TRY(make_folder(folder, 0700));
    const Fd fd = open_folder(AT_FDCWD, folder.c_str());
    if (!fd.valid() || ::fchown(fd.get(), account.user, account.group) != 0 ||
        ::fchmod(fd.get(), 0700) != 0) {
        return Error::system("give away", folder);
    }
    return folder;
}

Result<std::vector<Job>> list_jobs(const std::string& folder, std::string_view key) {
    std::vector<Job> jobs = TRY(all_jobs(folder));
    std::erase_if(jobs, [&](const Job& job) { return !key.empty() && job.status.key != key; });
    return jobs;
}

Result<std::optional<Job>> find_job(const std::string& folder, std::string_view id,
                                    std::string_view key) {
    if (!is_job_id(id)) return std::optional<Job>();
    const Fd fd = open_folder(AT_FDCWD, folder.c_str());
    if (!fd.valid() && errno == ENOENT) return std::optional<Job>();
    if (!fd.valid()) return Error::system("open", folder);
    std::optional<Job> job = read_job(fd.get(), std::string(id));
    if (job && job->status.key != key) job.reset();
    return job;
}

Result<Fd> open_job_output(const std::string& folder, std::string_view id, bool errors) {
    const std::string path = fmt::format("{}/{}", folder, id);
    const Fd job = open_folder(AT_FDCWD, path.c_str());
    if (!is_job_id(id) || !job.valid()) return Error::system("open", path, ENOENT);
    Fd output = open_plain(job.get(), errors ? "stderr" : "stdout");
    if (!output.valid()) return Error::system("open the output of", path, ENOENT);
    return output;
}

Result<bool> end_job(const std::string& folder, std::string_view id, std::string_view key) {
    const std::optional<Job> job = TRY(find_job(folder, id, key));
    if (!job || job->state != JobState::running || job->status.watcher <= 1) return false;
    if (::kill(job->status.watcher, SIGTERM) != 0) {
        return Error::system("end job", job->id);
    }
    return true;
}

Result<void> prune_jobs(const std::string& folder) {
    std::vector<Job> jobs = TRY(all_jobs(folder));
    std::erase_if(jobs, [](const Job& job) { return job.state == JobState::running; });
    const auto over = [](const Job& job) {
        return job.status.end ? job.status.ended : job.status.started;
    };
    std::stable_sort(jobs.begin(), jobs.end(),
                     [&](const Job& left, const Job& right) { return over(left) < over(right); });
    for (std::size_t index = 0; index + kMaxFinishedJobs < jobs.size(); ++index) {
        const std::string path = fmt::format("{}/{}", folder, jobs[index].id);
        for (const char* name : kFiles)
            ::unlink(fmt::format("{}/{}", path, name).c_str());
        ::rmdir(path.c_str());
    }
    return {};
}

}  // namespace pipeline
