// Commands that nobody waits for: started, listed, looked up and ended. A
// process of its own watches each (job_watcher.h) and outlives the session that
// asked for it.
//
// A user's jobs lie in FOLDER = /run/pipeline/jobs/UID, mode 0700, a folder for
// each, named by its id, 12 hexadecimal digits:
//
//   command   what runs, as a person would type it; locked while the job is
//   watched stdout    the newest kMaxJobOutput bytes; earlier ones are a hole
//   (job_output.h) stderr    the same of standard error status    one JSON
//   object, replaced as a whole
//
// What is there belongs to the job's user: readers take it for what that user
// says.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/accounts.h"
#include "base/fd.h"
#include "base/result.h"
#include "child.h"
#include "instant.h"

namespace pipeline {

inline constexpr const char* kJobsRoot = "/run/pipeline/jobs";
inline constexpr std::size_t kMaxFinishedJobs = 64;  // of a user; the oldest give way
inline constexpr std::size_t kMaxRunningJobs = 64;   // of a user
inline constexpr std::uint64_t kMaxJobOutput = std::uint64_t{4} << 20;
inline constexpr std::size_t kMaxJobCommand = 64 * 1024;

enum class JobState {
    running,
    ended,
    lost,  // its watcher was killed: how it ended is not known
};

// The status file.
struct JobStatus {
    std::string key;  // fingerprint of whoever started it
    Instant started;
    pid_t watcher = 0;
    std::optional<ChildEnd> end;  // nullopt while it runs
    Instant ended;
    bool timed_out = false;
    std::uint64_t output_bytes = 0;  // of both streams, when it has ended
    std::uint64_t lost_bytes = 0;    // that the file system did not take
};

std::string job_status_text(const JobStatus& status);
base::Result<JobStatus> parse_job_status(std::string_view text);

struct Job {
    std::string id;
    std::string command;
    JobStatus status;
    JobState state = JobState::lost;
};

bool is_job_id(std::string_view text);

// Makes the folder of a user's jobs and those above, for a session before it
// becomes that user.
base::Result<std::string> make_jobs_folder(const std::string& root, const base::Account& account);

// A user's jobs, oldest first; only those of `key` unless it is empty. A folder
// that is not there has none, and what is no job is passed over.
base::Result<std::vector<Job>> list_jobs(const std::string& folder, std::string_view key);

// Nothing when there is no such job of that key.
base::Result<std::optional<Job>> find_job(const std::string& folder, std::string_view id,
                                          std::string_view key);

// stdout or stderr of a job that find_job() found, for reading.
base::Result<base::Fd> open_job_output(const std::string& folder, std::string_view id, bool errors);

// Asks a running job to end, and kills it if it does not (ChildWatch::kGrace).
// False when it does not run.
base::Result<bool> end_job(const std::string& folder, std::string_view id, std::string_view key);

// Removes those jobs that ended first, beyond kMaxFinishedJobs.
base::Result<void> prune_jobs(const std::string& folder);

}  // namespace pipeline
