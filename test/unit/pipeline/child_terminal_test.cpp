// Programs on terminals, and programs in the loop.
#include <csignal>

#include "base/text.h"
#include "child.h"
#include "child_bench.h"
#include "child_watch.h"

using namespace pipeline;
using std::chrono::milliseconds;

namespace {

ChildSettings terminal_settings(const std::string& script, TerminalSize size = {}) {
    ChildSettings settings = shell_settings(script);
    settings.environment.push_back("TERM=xterm");
    settings.terminal = size;
    return settings;
}

struct Watched {
    ChildEnd end;
    bool timed_out = false;
    milliseconds took{};
};

Watched watch(const std::string& script, std::optional<milliseconds> limit,
              std::optional<int> stop = std::nullopt) {
    auto loop = loop::Loop::create();
    REQUIRE(loop.ok());
    Child child = start_or_fail(shell_settings(script));
    std::string text;
    read_until(child.output(), text, "ready");
    Watched watched;
    const auto begin = std::chrono::steady_clock::now();
    std::optional<ChildWatch> watch;
    auto created = ChildWatch::create(loop.value(), child, limit, [&](ChildEnd end, bool late) {
        watched.end = end;
        watched.timed_out = late;
        watch.reset();
        loop.value().stop();
    });
    REQUIRE(created.ok());
    watch.emplace(std::move(created).value());
    if (stop) watch->stop(*stop);
    loop.value().run();
    watched.took =
        std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
    // All that it left is gone, or this would wait for it.
    read_to_end(child.output());
    return watched;
}

}  // namespace

TEST_CASE("a program on a terminal controls it and knows its size") {
    const Outcome outcome =
        run_to_end(terminal_settings("test -t 0 -a -t 1 -a -t 2 && tty >&2 && stty size < /dev/tty;"
                                     "ps -o tpgid= -p $$ | tr -d ' '; echo $$; exit 4",
                                     {33, 101}));
    CHECK(outcome.output.find("/dev/pts/") != std::string::npos);
    CHECK(outcome.output.find("33 101\r\n") != std::string::npos);
    CHECK(outcome.end.code == 4);
}

TEST_CASE("a new size arrives with a signal") {
    const Child child = start_or_fail(terminal_settings(
        "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.02; done"));
    std::string text;
    read_until(child.output(), text, "ready");
    child.resize({50, 120});
    read_until(child.output(), text, "50 120");
    CHECK(wait_for_end(child).code == 0);
}

TEST_CASE("typing is echoed, Ctrl-C interrupts, and the end of input is an end of file") {
    Child child = start_or_fail(terminal_settings(
        "trap 'echo interrupted' INT; echo ready; while ! read a; do :; done; cat; echo over"));
    std::string text;
    read_until(child.output(), text, "ready");
    REQUIRE(write_available(child.input(), base::as_bytes("\x03")).ok());
    read_until(child.output(), text, "interrupted");
    REQUIRE(write_available(child.input(), base::as_bytes("first\nsecond\n")).ok());
    read_until(child.output(), text, "second\r\nsecond");
    CHECK(child.end_input());
    read_until(child.output(), text, "over");
    CHECK(wait_for_end(child).code == 0);
    CHECK(child.input() == -1);
}

TEST_CASE("the end of a terminal's program is an end, not an error") {
    const Child child = start_or_fail(terminal_settings("echo bye"));
    CHECK(read_to_end(child.output()) == "bye\r\n");
}

TEST_CASE("a signal reaches the job in a terminal's foreground") {
    const Child child =
        start_or_fail(terminal_settings("set -m; trap : TERM; sh -c 'trap \"exit 9\" TERM; echo "
                                        "ready; while :; do sleep 0.02; done';"
                                        "echo code $?"));
    std::string text;
    read_until(child.output(), text, "ready");
    child.signal(SIGTERM);
    read_until(child.output(), text, "code 9");
    CHECK(wait_for_end(child).code == 0);
}

TEST_CASE("a terminal belongs to its program's user") {
    if (::geteuid() != 0) SKIP("needs root");
    ChildSettings settings = terminal_settings("stat -c %u $(tty); echo again > /dev/tty");
    base::Account account;
    account.user = 4242;
    account.group = 4242;
    settings.account = account;
    CHECK(run_to_end(settings).output == "4242\r\nagain\r\n");
}

TEST_CASE("the loop hears of an end, and what was left behind is gone by then") {
    const Watched watched = watch("sleep 100 & echo ready; exit 6", std::nullopt);
    CHECK(watched.end.code == 6);
    CHECK_FALSE(watched.timed_out);
}

TEST_CASE("a program that takes too long is asked to end") {
    const Watched watched =
        watch("trap 'exit 8' TERM; echo ready; while :; do sleep 0.02; done", milliseconds(50));
    CHECK(watched.timed_out);
    CHECK(watched.end.code == 8);
    CHECK(watched.took < ChildWatch::kGrace);
}

TEST_CASE("a program that does not listen is killed") {
    const Watched watched =
        watch("trap '' TERM HUP; echo ready; while :; do sleep 0.02; done", std::nullopt, SIGHUP);
    CHECK(watched.end.signal == SIGKILL);
    CHECK_FALSE(watched.timed_out);
    CHECK(watched.took >= ChildWatch::kGrace - milliseconds(100));
}

TEST_CASE("a program that was stopped can still be ended") {
    const Watched watched = watch("echo ready; kill -STOP $$; sleep 100", milliseconds(50));
    CHECK(watched.timed_out);
    CHECK(watched.end.signal == SIGTERM);
}
