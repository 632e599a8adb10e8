// initd: PID 1 of an enclave. Manual: initd(8).
//
// As PID 1 it looks at neither its arguments nor its environment: the kernel puts words of its
// command line there that it does not know. As any other process it only checks configuration.
#include <malloc.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <exception>

#include "base/main.h"
#include "boot.h"
#include "check.h"
#include "ending.h"
#include "last_words.h"
#include "options.h"
#include "reactor.h"
#include "runtime.h"

namespace initd {

namespace {

End failed_end(const char* what) {
    End end;
    end.reason = "fatal";
    end.detail = what;
    end.status = static_cast<int>(base::ExitCode::os);
    return end;
}

[[noreturn]] void be_pid_1() {
    block_signals();
    [[maybe_unused]] const int entered = ::chdir("/");
    Journal journal;
    LastWords last_words(journal);
    constexpr std::size_t kBootRingBytes = 64 * 1024;
    End end = failed_end("the boot failed");
    SystemSettings settings;
    bool container = false;
    try {
        // Until the marked line a failure ends the enclave with its reason.
        if (!journal.create(kBootRingBytes).ok()) end = failed_end("no memory for the log");
        if (!last_words.prepare().ok()) journal.error("a crash would go unexplained: no memory");
        Booted booted = boot(journal);
        settings = booted.settings;
        container = booted.container;
        Runtime runtime(std::move(booted), journal, last_words);
        const base::Result<void> prepared = runtime.prepare();
        ::malloc_trim(0);  // what reading the configuration took
        if (prepared.ok()) {
            // ==== The line: from here on PID 1 neither exits nor lets an error end it. ====
            // The name, for ps, is also how a tracer sees the line.
            ::prctl(PR_SET_NAME, "initd");
            end = runtime.run();
        } else {
            end = failed_end(prepared.error().message.c_str());
            journal.raw_line(end_line(end));
        }
    } catch (const std::exception& failure) {
        journal.error("{}", failure.what());
    }
    end_machine(end, settings, container, journal);
}

}  // namespace

}  // namespace initd

int main(int argc, char** argv) {
    if (::getpid() == 1) initd::be_pid_1();
    return base::tool_main(initd::kTool, argc, argv, [](const base::Arguments& arguments) {
        if (!arguments.has("check")) {
            return base::Result<int>(base::Error::usage(
                "initd runs as PID 1 only", "try --check DIR to check a configuration"));
        }
        return initd::check(std::string(arguments.value("check")));
    });
}
