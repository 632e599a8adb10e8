// Commands that nobody waits for: their watcher, their files, and what a user can find of them.
#include "jobs.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "base/file.h"
#include "base/text.h"
#include "child_bench.h"
#include "folder.h"
#include "job_output.h"
#include "job_watcher.h"
#include "processes.h"

using namespace pipeline;

namespace {

const std::string kKey = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

JobSettings job_settings(const test::Folder& folder, const std::string& script) {
    JobSettings settings;
    settings.folder = folder.path();
    settings.key = kKey;
    settings.command = script;
    settings.child = shell_settings(script);
    return settings;
}

StartedJob start_or_fail(const JobSettings& settings) {
    auto job = start_job(settings, [] {});
    if (!job.ok()) FAIL(job.error().message);
    return std::move(job).value();
}

Job find_or_fail(const test::Folder& folder, const std::string& id) {
    const auto job = find_job(folder.path(), id, kKey);
    REQUIRE(job.ok());
    REQUIRE(job.value().has_value());
    return *job.value();
}

Job wait_for(const test::Folder& folder, const std::string& id) {
    wait_until([&] { return find_or_fail(folder, id).state != JobState::running; });
    return find_or_fail(folder, id);
}

std::string output_of(const test::Folder& folder, const std::string& id, bool errors = false) {
    const auto fd = open_job_output(folder.path(), id, errors);
    REQUIRE(fd.ok());
    std::string text(1 << 20, '\0');
    const auto count = base::read_full(
        fd.value().get(), std::as_writable_bytes(std::span(text.data(), text.size())), "output");
    text.resize(count.value());
    return text;
}

bool is_running(pid_t pid) {
    for (const Process& process : list_processes()) {
        if (process.pid == pid) return process.state != 'Z';
    }
    return false;
}

}  // namespace

TEST_CASE("a job runs by itself, and its output and end are kept") {
    const test::Folder folder;
    const StartedJob started =
        start_or_fail(job_settings(folder, "echo out; echo err >&2; cat; exit 7"));
    CHECK(is_job_id(started.id));
    const Job job = wait_for(folder, started.id);
    CHECK(job.state == JobState::ended);
    CHECK(job.status.end == ChildEnd{7, std::nullopt});
    CHECK(job.command == "echo out; echo err >&2; cat; exit 7");
    CHECK(job.status.key == kKey);
    CHECK(job.status.output_bytes == 8);
    CHECK(job.status.lost_bytes == 0);
    CHECK_FALSE(job.status.timed_out);
    CHECK(job.status.ended >= job.status.started);
    CHECK(output_of(folder, started.id) == "out\n");
    CHECK(output_of(folder, started.id, true) == "err\n");
    struct stat status {};
    REQUIRE(::stat((folder / started.id).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
}

TEST_CASE("a job outlives the process that asked for it") {
    const test::Folder folder;
    const base::Pipe pipe = base::make_pipe().value();
    const std::string go = folder / "go";
    REQUIRE(::mkfifo(go.c_str(), 0600) == 0);
    if (::fork() == 0) {
        const auto job = start_job(job_settings(folder, "read x < " + go + "; exit 3"), [] {});
        const std::string id = job.ok() ? job->id : std::string(12, '-');
        (void)base::write_all(pipe.write.get(), base::as_bytes(id), "id");
        ::_exit(0);
    }
    std::string id(12, '\0');
    REQUIRE(base::read_full(pipe.read.get(), std::as_writable_bytes(std::span(id.data(), 12)), "id")
                .value() == 12);
    CHECK(find_or_fail(folder, id).state == JobState::running);
    const base::Fd open = base::open_file(go, O_WRONLY).value();
    REQUIRE(base::write_all(open.get(), base::as_bytes("x\n"), go).ok());
    CHECK(wait_for(folder, id).status.end == ChildEnd{3, std::nullopt});
}

TEST_CASE("a job that cannot run is an error and leaves nothing") {
    const test::Folder folder;
    JobSettings settings = job_settings(folder, "");
    settings.child.command = {"no-such-program"};
    const auto job = start_job(settings, [] {});
    REQUIRE_FALSE(job.ok());
    CHECK(job.error().code == base::ExitCode::not_found);
    CHECK(job.error().message == "cannot run 'no-such-program': No such file or directory");
    CHECK(job.error().errno_value == ENOENT);
    CHECK(std::filesystem::is_empty(folder.path()));
    settings.folder = folder / "none";
    CHECK_FALSE(start_job(settings, [] {}).ok());
}

TEST_CASE("a watcher has nothing of its session: no descriptor, no secret") {
    const test::Folder folder;
    const base::Pipe pipe = base::make_pipe().value();
    const std::string go = folder / "go";
    const JobSettings settings =
        job_settings(folder, "while ! test -e " + go + "; do sleep 0.02; done; kill -STOP $PPID");
    const std::string mark = folder / "forgotten";
    const auto job =
        start_job(settings, [&] { (void)base::open_file(mark, O_CREAT | O_WRONLY, 0600); });
    REQUIRE(job.ok());
    CHECK(::access(mark.c_str(), F_OK) == 0);
    // Stopped, it shows its descriptors and not those of a process it is about to start.
    REQUIRE(base::open_file(go, O_CREAT | O_WRONLY, 0600).ok());
    wait_until([&] {
        for (const Process& process : list_processes()) {
            if (process.pid == job->watcher) return process.state == 'T';
        }
        return false;
    });
    const std::string shown =
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(pipe.write.get()));
    std::size_t seen = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(job->watcher) + "/fd")) {
        CHECK(std::filesystem::read_symlink(entry.path()) != shown);
        ++seen;
    }
    CHECK(seen > 3);
    REQUIRE(::kill(job->watcher, SIGCONT) == 0);
    CHECK(wait_for(folder, job->id).state == JobState::ended);
}

TEST_CASE("a job ends in its time, with all that it started") {
    const test::Folder folder;
    JobSettings settings = job_settings(
        folder, "setsid sleep 100 & echo $!; trap 'exit 4' TERM; while :; do sleep 0.02; done");
    settings.limit = std::chrono::milliseconds(200);
    const StartedJob started = start_or_fail(settings);
    const Job job = wait_for(folder, started.id);
    CHECK(job.status.timed_out);
    CHECK(job.status.end->code == 4);
    wait_until([&] { return !is_running(started.watcher); });
    CHECK_FALSE(is_running(static_cast<pid_t>(std::stol(output_of(folder, started.id)))));
}

TEST_CASE("a job can be ended by its key, and by no other") {
    const test::Folder folder;
    const StartedJob started = start_or_fail(job_settings(folder, "sleep 100"));
    CHECK_FALSE(end_job(folder.path(), started.id, "SHA256:other").value());
    CHECK(find_or_fail(folder, started.id).state == JobState::running);
    CHECK(end_job(folder.path(), started.id, kKey).value());
    const Job job = wait_for(folder, started.id);
    CHECK(job.status.end->signal == SIGTERM);
    CHECK_FALSE(job.status.timed_out);
    CHECK_FALSE(end_job(folder.path(), started.id, kKey).value());
    CHECK_FALSE(end_job(folder.path(), "../../../etc", kKey).value());
}

TEST_CASE("a watcher that was killed takes its job along, and the job is lost") {
    const test::Folder folder;
    const StartedJob started = start_or_fail(job_settings(folder, "echo $$; exec sleep 100"));
    wait_until([&] { return !output_of(folder, started.id).empty(); });
    const pid_t program = static_cast<pid_t>(std::stol(output_of(folder, started.id)));
    REQUIRE(::kill(started.watcher, SIGKILL) == 0);
    CHECK(wait_for(folder, started.id).state == JobState::lost);
    wait_until([&] { return !is_running(program); });
}

TEST_CASE("jobs are listed by age and seen by their own key only") {
    const test::Folder folder;
    std::vector<std::string> ids;
    for (int count = 0; count < 3; ++count) {
        JobSettings settings = job_settings(folder, "exit " + std::to_string(count));
        if (count == 1) settings.key = "SHA256:other";
        ids.push_back(start_or_fail(settings).id);
        wait_until(
            [&] { return list_jobs(folder.path(), "").value().back().state == JobState::ended; });
    }
    const auto all = list_jobs(folder.path(), "").value();
    REQUIRE(all.size() == 3);
    for (std::size_t index = 0; index < 3; ++index)
        CHECK(all[index].id == ids[index]);
    CHECK(list_jobs(folder.path(), kKey).value().size() == 2);
    CHECK_FALSE(find_job(folder.path(), ids[1], kKey).value().has_value());
    CHECK_FALSE(find_job(folder.path(), "000000000000", kKey).value().has_value());
    CHECK(list_jobs(folder / "none", kKey).value().empty());
    CHECK_FALSE(find_job(folder / "none", ids[0], kKey).value().has_value());
}

TEST_CASE("finished jobs give way, running ones stay") {
    const test::Folder folder;
    const StartedJob long_one = start_or_fail(job_settings(folder, "sleep 100"));
    for (std::size_t count = 0; count < kMaxFinishedJobs + 5; ++count) {
        char id[13];
        std::snprintf(id, sizeof id, "%012zx", count);
        REQUIRE(::mkdir((folder / id).c_str(), 0700) == 0);
        JobStatus status;
        status.key = kKey;
        status.started = Instant(std::chrono::seconds(1000 - count));
        status.ended = Instant(std::chrono::seconds(2000 + count));
        status.end = ChildEnd{0, std::nullopt};
        const base::Fd file =
            base::open_file(folder / (std::string(id) + "/status"), O_CREAT | O_WRONLY, 0600)
                .value();
        REQUIRE(base::write_all(file.get(), base::as_bytes(job_status_text(status)), id).ok());
    }
    REQUIRE(prune_jobs(folder.path()).ok());
    const auto left = list_jobs(folder.path(), kKey).value();
    CHECK(left.size() == kMaxFinishedJobs + 1);
    CHECK(find_or_fail(folder, long_one.id).state == JobState::running);
    CHECK_FALSE(find_job(folder.path(), "000000000004", kKey).value().has_value());
    CHECK(find_job(folder.path(), "000000000005", kKey).value().has_value());
    CHECK(end_job(folder.path(), long_one.id, kKey).value());
    wait_for(folder, long_one.id);
}

TEST_CASE("a status is read back, and nothing else is one") {
    JobStatus status;
    status.key = kKey;
    status.started = Instant(std::chrono::milliseconds(1'700'000'000'123));
    status.watcher = 42;
    const auto running = parse_job_status(job_status_text(status));
    REQUIRE(running.ok());
    CHECK(running->watcher == 42);
    CHECK(running->started == status.started);
    CHECK_FALSE(running->end.has_value());
    status.end = ChildEnd{std::nullopt, 9};
    status.timed_out = true;
    status.output_bytes = 77;
    const auto ended = parse_job_status(job_status_text(status));
    REQUIRE(ended.ok());
    CHECK(ended->end->signal == 9);
    CHECK(ended->timed_out);
    CHECK(ended->output_bytes == 77);
    for (const char* text :
         {"", "{}", "[]", "{\"key\":\"a\",\"started_ms\":1}",
          "{\"key\":1,\"started_ms\":1,\"watcher\":2}",
          "{\"key\":\"a\",\"started_ms\":1,\"watcher\":-2}",
          "{\"key\":\"a\",\"started_ms\":1,\"watcher\":2,\"ended_ms\":3}",
          "{\"key\":\"a\",\"started_ms\":1,\"watcher\":2,\"ended_ms\":3,\"code\":1,\"signal\":2}",
          "{\"key\":\"a\",\"started_ms\":1,\"watcher\":2,\"ended_ms\":3,\"code\":300}"}) {
        INFO(text);
        CHECK_FALSE(parse_job_status(text).ok());
    }
}

TEST_CASE("links and pipes in a job's place are no jobs, and nobody waits for them") {
    const test::Folder folder;
    const std::string id = "0123456789ab";
    REQUIRE(::mkdir((folder / id).c_str(), 0700) == 0);
    REQUIRE(::mkfifo((folder / (id + "/status")).c_str(), 0600) == 0);
    REQUIRE(::mkfifo((folder / (id + "/command")).c_str(), 0600) == 0);
    REQUIRE(::symlink("/etc/passwd", (folder / (id + "/stdout")).c_str()) == 0);
    REQUIRE(::symlink("/", (folder / "0123456789ac").c_str()) == 0);
    CHECK(list_jobs(folder.path(), "").value().empty());
    CHECK_FALSE(open_job_output(folder.path(), id, false).ok());
    CHECK_FALSE(open_job_output(folder.path(), "0123456789ac", false).ok());
    CHECK_FALSE(open_job_output(folder.path(), "../x", false).ok());
}

TEST_CASE("the folder of a user's jobs is the user's, and others cannot look in") {
    const test::Folder folder;
    base::Account account;
    account.user = ::geteuid() == 0 ? 4242 : ::geteuid();
    account.group = ::geteuid() == 0 ? 4242 : ::getegid();
    const auto made = make_jobs_folder(folder / "run/jobs", account);
    REQUIRE(made.ok());
    CHECK(made.value() == folder / "run/jobs/" + std::to_string(account.user));
    REQUIRE(make_jobs_folder(folder / "run/jobs", account).ok());
    struct stat status {};
    REQUIRE(::stat(made.value().c_str(), &status) == 0);
    CHECK(status.st_uid == account.user);
    CHECK((status.st_mode & 0777) == 0700);
    REQUIRE(::unlink((folder / "link").c_str()) != 0);
    REQUIRE(std::filesystem::remove(made.value()));
    REQUIRE(::symlink("/tmp", made.value().c_str()) == 0);
    CHECK_FALSE(make_jobs_folder(folder / "run/jobs", account).ok());
}

TEST_CASE("an output keeps its newest bytes at their places") {
    const test::Folder folder;
    const std::string path = folder / "out";
    constexpr std::uint64_t kKeep = 64 * 1024;
    JobOutput output(base::open_file(path, O_RDWR | O_CREAT, 0600).value(), kKeep);
    std::string all;
    for (int count = 0; count < 3000; ++count) {
        const std::string line = "line " + std::to_string(count) + " of many lines\n";
        output.append(base::as_bytes(line));
        all += line;
    }
    CHECK(output.bytes() == all.size());
    CHECK(output.lost() == 0);
    const std::string kept = base::read_file(path, 1 << 24).value();
    CHECK(kept.size() == all.size());
    CHECK(kept.substr(kept.size() - kKeep) == all.substr(all.size() - kKeep));
    const base::Fd fd = base::open_file(path, O_RDONLY).value();
    const std::uint64_t first = first_kept(fd.get());
    struct stat status {};
    REQUIRE(::fstat(fd.get(), &status) == 0);
    if (first == 0) SKIP("this file system makes no holes");
    CHECK(first <= all.size() - kKeep);
    CHECK(kept.substr(first) == all.substr(first));
    CHECK(static_cast<std::uint64_t>(status.st_blocks) * 512 <= kKeep + kKeep / 16 + 3 * 4096);
}

TEST_CASE("what a full disk did not take is told at its place") {
    const test::Folder folder;
    const std::string path = folder / "out";
    JobOutput output(base::open_file(path, O_RDWR | O_CREAT, 0600).value(), 1 << 20);
    output.append(base::as_bytes("before\n"));
    std::signal(SIGXFSZ, SIG_IGN);
    struct rlimit old {};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
    const struct rlimit small { 10, old.rlim_max };
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    output.append(base::as_bytes("gone for ever\n"));
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
    output.append(base::as_bytes("after\n"));
    CHECK(output.lost() == 14);
    CHECK(base::read_file(path, 1000).value() == "before\n\n[14 bytes were lost here]\nafter\n");
}
