// Programs on pipes: what they begin with, what comes out of them, and how they end.
#include "child.h"

#include <fcntl.h>

#include <sys/wait.h>

#include <csignal>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "child_bench.h"
#include "folder.h"
#include "identity.h"
#include "processes.h"

using namespace pipeline;

namespace {

std::string output_of(const std::string& script) {
    return run_to_end(shell_settings(script)).output;
}

bool is_running(pid_t pid) {
    for (const Process& process : list_processes()) {
        if (process.pid == pid) return process.state != 'Z';
    }
    return false;
}

}  // namespace

TEST_CASE("exit codes and signals are told apart") {
    CHECK(run_to_end(shell_settings("exit 0")).end == ChildEnd{0, std::nullopt});
    CHECK(run_to_end(shell_settings("exit 7")).end == ChildEnd{7, std::nullopt});
    CHECK(run_to_end(shell_settings("exit 137")).end == ChildEnd{137, std::nullopt});
    const ChildEnd killed = run_to_end(shell_settings("kill -KILL $$")).end;
    CHECK(killed == ChildEnd{std::nullopt, SIGKILL});
    CHECK(killed.shell_code() == 137);
}

TEST_CASE("output and errors are two streams") {
    const Outcome outcome = run_to_end(shell_settings("echo out; echo err >&2; echo more"));
    CHECK(outcome.output == "out\nmore\n");
    CHECK(outcome.errors == "err\n");
}

TEST_CASE("ten megabytes of any bytes go through a program unchanged") {
    Child child = start_or_fail(shell_settings("exec cat"));
    std::string sent(10 << 20, '\0');
    for (std::size_t index = 0; index < sent.size(); ++index)
        sent[index] = static_cast<char>(index * 2654435761U >> 11);
    std::string received;
    std::size_t written = 0;
    wait_until(
        [&] {
            if (written < sent.size()) {
                const auto count =
                    write_available(child.input(), base::as_bytes(sent).subspan(written));
                REQUIRE(count.ok());
                written += count.value();
                if (written == sent.size()) child.end_input();
            }
            return gather(child.output(), received);
        },
        child.output());
    CHECK(received == sent);
    CHECK(wait_for_end(child).code == 0);
}

TEST_CASE("a closed input is an end of file, and no input is one from the start") {
    Child child = start_or_fail(shell_settings("cat; echo end"));
    CHECK(write_available(child.input(), base::as_bytes("last\n")).value() == 5);
    child.end_input();
    CHECK(read_to_end(child.output()) == "last\nend\n");
    ChildSettings settings = shell_settings("cat; echo end");
    settings.with_input = false;
    const Child without = start_or_fail(settings);
    CHECK(without.input() == -1);
    CHECK(read_to_end(without.output()) == "end\n");
}

TEST_CASE("a program that closed its input is an error of the writer, not a signal") {
    std::signal(SIGPIPE, SIG_IGN);
    Child child = start_or_fail(shell_settings("exec <&-; echo closed; read x <&1"));
    std::string text;
    read_until(child.output(), text, "closed");
    const auto written = write_available(child.input(), base::as_bytes("x"));
    REQUIRE_FALSE(written.ok());
    CHECK(written.error().errno_value == EPIPE);
}

TEST_CASE("nothing of ours is inherited but the environment, the folder and the mask given") {
    const base::Fd leaked(::open("/dev/null", O_RDONLY));  // without close-on-exec, on purpose
    CHECK(output_of("ls /proc/self/fd | tr '\\n' ' '") == "0 1 2 3 ");  // 3 is that of ls
    ChildSettings settings = shell_settings("env; pwd; umask; grep Sig /proc/self/status");
    settings.environment = {"A=1", "PATH=/usr/bin:/bin"};
    settings.folder = "/usr";
    settings.mode_mask = 027;
    std::signal(SIGPIPE, SIG_IGN);
    const std::string text = run_to_end(settings).output;
    CHECK(text.find("A=1\n") != std::string::npos);
    CHECK(text.find("HOME=") == std::string::npos);
    CHECK(text.find("\n/usr\n0027\n") != std::string::npos);
    CHECK(text.find("SigIgn:\t0000000000000000\n") != std::string::npos);
    CHECK(text.find("SigBlk:\t0000000000000000\n") != std::string::npos);
}

TEST_CASE("a program leads a session and a group of its own") {
    Child child = start_or_fail(shell_settings("read x; exit 3"));
    CHECK(::getsid(child.pid()) == child.pid());
    CHECK(::getpgid(child.pid()) == child.pid());
    child.end_input();
    CHECK(wait_for_end(child).code == 3);
}

TEST_CASE("limits and given-up privileges hold") {
    ChildSettings settings =
        shell_settings("ulimit -n; grep NoNewPrivs /proc/self/status | tr -d '\\t'");
    settings.limits = {{RLIMIT_NOFILE, 33, 33}};
    settings.no_new_privileges = true;
    CHECK(run_to_end(settings).output == "33\nNoNewPrivs:1\n");
}

TEST_CASE("what cannot run is an error that says why") {
    const test::Folder folder;
    const auto error_of = [](ChildSettings settings) {
        const auto child = Child::start(settings);
        REQUIRE_FALSE(child.ok());
        return child.error();
    };
    const auto named = [](const std::string& program) {
        ChildSettings settings;
        settings.command = {program};
        return settings;
    };
    const base::Error missing = error_of(named("no-such-program"));
    CHECK(missing.code == base::ExitCode::not_found);
    CHECK(missing.message == "cannot run 'no-such-program': No such file or directory");
    CHECK(missing.errno_value == ENOENT);
    CHECK(error_of(named("/dev/null/x")).code == base::ExitCode::not_found);
    CHECK(error_of(named("/etc/passwd")).code == base::ExitCode::cannot_exec);
    CHECK(error_of(named("/tmp")).code == base::ExitCode::cannot_exec);
    {
        const base::Fd file = base::open_file(folder / "odd", O_CREAT | O_WRONLY, 0755).value();
        REQUIRE(base::write_all(file.get(),
                                base::as_bytes("\x7F"
                                               "ELF?"),
                                "odd")
                    .ok());
    }
    CHECK(error_of(named(folder / "odd")).errno_value == ENOEXEC);
    ChildSettings settings = shell_settings("true");
    settings.folder = folder / "none";
    const base::Error no_folder = error_of(settings);
    CHECK(no_folder.code == base::ExitCode::cannot_exec);
    CHECK(no_folder.message.starts_with("cannot start in '/tmp/pipeline-test-"));
    CHECK(error_of(ChildSettings{}).code == base::ExitCode::usage);
    // None of them left a process behind.
    for (const Process& process : list_processes())
        CHECK(process.parent != ::getpid());
}

TEST_CASE("a login shell has another name than its program") {
    ChildSettings settings = shell_settings("echo $0");
    settings.program = "/bin/sh";
    settings.command = {"-sh", "-c", "tr '\\0' ' ' < /proc/$$/cmdline"};
    CHECK(run_to_end(settings).output.starts_with("-sh -c "));
}

TEST_CASE("a signal reaches all of the program's group") {
    const Child child = start_or_fail(
        shell_settings("sleep 100 & trap 'wait; exit 5' TERM; echo ready; wait; wait"));
    std::string text;
    read_until(child.output(), text, "ready");
    child.signal(SIGTERM);
    CHECK(wait_for_end(child).code == 5);
}

TEST_CASE("what a program leaves behind is killed, whatever its group") {
    // set -m gives the job a group of its own in the same session.
    const Child child =
        start_or_fail(shell_settings("set -m; sleep 100 & echo $!; exec 2>&-; sleep 0 & wait $!"));
    std::string text;
    read_until(child.output(), text, "\n");
    const pid_t left = static_cast<pid_t>(std::stol(text));
    CHECK(wait_for_end(child).code == 0);
    CHECK(is_running(left));
    child.kill_all();
    CHECK_FALSE(is_running(left));
    CHECK(read_to_end(child.output()).empty());
}

TEST_CASE("a child that is forgotten is killed") {
    pid_t pid;
    {
        const Child child = start_or_fail(shell_settings("trap '' TERM HUP; echo; sleep 100"));
        pid = child.pid();
        std::string text;
        read_until(child.output(), text, "\n");
    }
    CHECK_FALSE(is_running(pid));
    CHECK(::kill(pid, 0) != 0);  // not even a zombie
}

TEST_CASE("a daemon of its own session is found through its parents at the end of a session") {
    REQUIRE(become_subreaper());
    pid_t daemon;
    {
        const Child child =
            start_or_fail(shell_settings("setsid sh -c 'echo $$; exec sleep 100 >&- 2>&-' & wait $!"
                                         " & while ! read x; do :; done"));
        std::string text;
        read_until(child.output(), text, "\n");
        daemon = static_cast<pid_t>(std::stol(text));
        const_cast<Child&>(child).end_input();
    }
    CHECK(is_running(daemon));
    kill_descendants({});
    CHECK_FALSE(is_running(daemon));
}

TEST_CASE("as root a program is another user, and only that") {
    if (::geteuid() != 0) SKIP("needs root");
    ChildSettings settings = shell_settings("id -u; id -g; id -G; cat /etc/shadow; echo $?");
    base::Account account;
    account.user = 4242;
    account.group = 4243;
    account.groups = {4244};
    settings.account = account;
    const Outcome outcome = run_to_end(settings);
    CHECK(outcome.output.starts_with("4242\n4243\n4243 4244\n"));
    CHECK(outcome.output.find(":") == std::string::npos);
    settings =
        shell_settings("grep -c '^Cap\\(Eff\\|Prm\\|Amb\\):.*0000000000000000' /proc/self/status");
    settings.account = account;
    CHECK(run_to_end(settings).output == "3\n");
    settings.folder = "/root";
    CHECK(Child::start(settings).error().code == base::ExitCode::cannot_exec);
}

TEST_CASE("who has become a user for good starts programs as that user and as no other") {
    if (::geteuid() != 0) SKIP("needs root");
    const pid_t pid = ::fork();
    if (pid == 0) {
        base::Account account;
        account.user = 4242;
        account.group = 4243;
        if (!become_for_good(account).ok()) ::_exit(10);
        ChildSettings settings = shell_settings("test $(id -u):$(id -g) = 4242:4243");
        settings.account = account;
        const auto runs = [&settings] {
            const auto child = Child::start(settings);
            if (!child.ok()) return false;
            while (!child->end())
                ::usleep(1000);
            return child->end()->code == 0;
        };
        if (!runs()) ::_exit(11);
        settings.terminal = TerminalSize{};
        // Some build machines let only root make terminals.
        if (::access("/dev/ptmx", R_OK | W_OK) == 0 && !runs()) ::_exit(12);
        settings.terminal.reset();
        settings.account->user = 0;
        const auto other = Child::start(settings);
        if (other.ok()) ::_exit(13);
        ::_exit(other.error().code == base::ExitCode::cannot_exec ? 0 : 14);
    }
    int status = -1;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
}

TEST_CASE("a group of its own catches what hides in other sessions") {
    auto group = ChildGroup::make("pipeline-test-" + std::to_string(::getpid()));
    if (!group) SKIP("no cgroup v2 that may be written");
    const std::string folder = group->folder();
    {
        ChildSettings settings = shell_settings(
            "setsid sh -c 'trap \"\" HUP TERM; echo $$; exec sleep 100' 2>&- & wait");
        settings.group = &*group;
        const Child child = start_or_fail(settings);
        std::string text;
        read_until(child.output(), text, "\n");
        const pid_t hidden = static_cast<pid_t>(std::stol(text));
        CHECK(::getsid(hidden) != child.pid());
        CHECK_FALSE(group->is_empty());
        child.kill_all();
        CHECK(wait_for_end(child).signal == SIGKILL);
        wait_until([&] { return !is_running(hidden); });
        wait_until([&] {
            reap_orphans({child.pid()});
            return group->is_empty();
        });
    }
    group.reset();
    CHECK_FALSE(std::filesystem::exists(folder));
}

TEST_CASE("the own cgroup is found behind whatever mount shows it") {
    const char* mounts =
        "30 20 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"
        "31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:3 - cgroup2 cgroup2 rw\n";
    CHECK(own_group_folder(mounts, "1:cpu:/a\n0::/b/c\n") == "/sys/fs/cgroup/unified/b/c");
    CHECK(own_group_folder(mounts, "0::/\n") == "/sys/fs/cgroup/unified");
    CHECK(own_group_folder(mounts, "1:cpu:/a\n") == "");
    CHECK(own_group_folder("31 30 0:27 /b /m rw - cgroup2 x rw\n", "0::/b/c\n") == "/m/c");
    CHECK(own_group_folder("31 30 0:27 /d /m rw - cgroup2 x rw\n", "0::/b/c\n") == "");
    CHECK(own_group_folder("", "0::/\n") == "");
}

TEST_CASE("a process is read from its line, whatever its name holds") {
    const auto process = parse_stat("42 (a) Z 1 (b) S 7 42 41 0 -1 4194304");
    REQUIRE(process);
    CHECK(process->pid == 42);
    CHECK(process->state == 'S');
    CHECK(process->parent == 7);
    CHECK(process->session == 41);
    for (const char* text :
         {"", "42", "42 (a) S", "x (a) S 1 2 3", "42 (a) S 1 2 x", ") ( S 1 2 3"}) {
        CHECK_FALSE(parse_stat(text).has_value());
    }
}
