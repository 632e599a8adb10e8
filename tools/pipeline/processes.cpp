// /proc, read without a library.
#include "processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <thread>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace pipeline {

namespace {

constexpr int kRounds = 50;  // of killing what forks faster than we look

std::optional<pid_t> parse_pid(std::string_view text) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    const auto number = base::parse_number(text, 0, 1 << 30);
    if (!number.ok()) return std::nullopt;
    return static_cast<pid_t>(number.value());
}

bool contains(const std::vector<pid_t>& pids, pid_t pid) {
    return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

// Kills whom `find` gives until it gives nobody: who forks meanwhile is found the next time.
template <typename Find>
void kill_until_gone(Find&& find) {
    for (int round = 0; round < kRounds; ++round) {
        const std::vector<pid_t> found = find();
        if (found.empty()) return;
        for (const pid_t pid : found)
            ::kill(pid, SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

}  // namespace

std::optional<Process> parse_stat(std::string_view text) {
    const std::size_t open = text.find(" (");
    const std::size_t close = text.rfind(") ");
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
        return std::nullopt;
    }
    // state, parent, process group, session ...
    const std::vector<std::string_view> fields = base::split(text.substr(close + 2), ' ');
    const auto pid = parse_pid(text.substr(0, open));
    if (!pid || fields.size() < 4 || fields[0].size() != 1) return std::nullopt;
    const auto parent = parse_pid(fields[1]), session = parse_pid(fields[3]);
    if (!parent || !session) return std::nullopt;
    return Process{*pid, *parent, *session, fields[0][0]};
}

std::vector<Process> list_processes() {
    std::vector<Process> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), &::closedir);
    while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
        if (!parse_pid(entry->d_name)) continue;
        const std::string path = fmt::format("/proc/{}/stat", entry->d_name);
        const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        std::array<char, 1024> text;
        const ssize_t count = file.valid() ? ::read(file.get(), text.data(), text.size()) : -1;
        if (count <= 0) continue;
        const auto process = parse_stat({text.data(), static_cast<std::size_t>(count)});
        if (process) found.push_back(*process);
    }
    return found;
}

std::vector<pid_t> descendants(const std::vector<Process>& all, pid_t root,
                               const std::vector<pid_t>& spared) {
    std::vector<pid_t> found{root};
    for (std::size_t index = 0; index < found.size(); ++index) {
        for (const Process& process : all) {
            const bool new_child = process.parent == found[index] &&
                                   !contains(spared, process.pid) && !contains(found, process.pid);
            if (new_child) found.push_back(process.pid);
        }
    }
    found.erase(found.begin());
    return found;
}

void kill_session(pid_t session) {
    kill_until_gone([session] {
        std::vector<pid_t> found;
        for (const Process& process : list_processes()) {
            if (process.session == session && process.state != 'Z') found.push_back(process.pid);
        }
        return found;
    });
}

void kill_descendants(const std::vector<pid_t>& spared) {
    kill_until_gone([&spared] {
        reap_orphans(spared);
        return descendants(list_processes(), ::getpid(), spared);
    });
}

bool become_subreaper() {
    return ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

void reap_orphans(const std::vector<pid_t>& spared) {
    const pid_t self = ::getpid();
    for (const Process& process : list_processes()) {
        if (process.parent == self && process.state == 'Z' && !contains(spared, process.pid)) {
            ::waitpid(process.pid, nullptr, WNOHANG);
        }
    }
}

}  // namespace pipeline
