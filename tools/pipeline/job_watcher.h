// The process that watches one job: made by a session's process, which it
// outlives. It copies the output to files, keeps the time limit, writes down
// the end and leaves nothing behind.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "child.h"

namespace pipeline {

struct JobSettings {
    std::string folder;   // of the user's jobs
    std::string key;      // fingerprint
    std::string command;  // for people
    ChildSettings child;  // without terminal and input; its group is made here
    std::optional<std::chrono::milliseconds> limit;
};

struct StartedJob {
    std::string id;
    pid_t watcher;  // to be spared by kill_descendants(); an orphan, nobody's to
                    // wait for
};

// That the job cannot run is the Error that Child::start() gives. `forget` runs
// in the new process, before anything else: it wipes what only the session may
// know.
base::Result<StartedJob> start_job(const JobSettings& settings,
                                   const std::function<void()>& forget);

}  // namespace pipeline
