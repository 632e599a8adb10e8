// Start and end of every tool.
#include "base/main.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "base/fd.h"
#include "base/format.h"
#include "base/log.h"
#include "base/text.h"

namespace base {

namespace {

// A tool started with a closed standard descriptor must not get a file of its own in its place.
void open_standard_descriptors() {
    for (int fd = 0; fd <= 2; ++fd) {
        if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            [[maybe_unused]] const int opened = ::open("/dev/null", O_RDWR);
        }
    }
}

int report(const Tool& tool, const Error& error) {
    std::string text;
    if (!error.message.empty()) text += fmt::format("{}: {}\n", tool.name, error.message);
    if (!error.hint.empty()) text += fmt::format("{}: hint: {}\n", tool.name, error.hint);
    (void)write_all(STDERR_FILENO, as_bytes(text), "standard error");
    return static_cast<int>(error.code);
}

Result<int> run_tool(const Tool& tool, int argc, char** argv,
                     const std::function<Result<int>(const Arguments&)>& run) {
    const std::span<char* const> words(argv + 1, argc > 0 ? static_cast<std::size_t>(argc - 1) : 0);
    const Arguments arguments = TRY(parse_arguments(tool, words));
    std::string text;
    if (arguments.has("help")) {
        text = help_text(tool, arguments.command);
    } else if (arguments.has("version") && arguments.value("version").empty()) {
        // A command may have a --version=TEXT of its own, with another meaning.
        text = fmt::format("{} (enclavebox) {}\n", tool.name, kVersion);
    } else if (arguments.has("dump-options")) {
        text = dump_options(tool);
    } else if (arguments.has("completion")) {
        text = completion_script(tool);
    }
    if (!text.empty()) {
        TRY(print(text));
        return 0;
    }
    if (!tool.commands.empty() && arguments.command == nullptr) {
        return Error::usage("expected a command");
    }
    return run(arguments);
}

}  // namespace

int tool_main(const Tool& tool, int argc, char** argv,
              const std::function<Result<int>(const Arguments&)>& run) noexcept {
    try {
        open_standard_descriptors();
        ::signal(SIGPIPE, SIG_IGN);
        // Whoever started us may have ignored it, and then no end of a child can be waited for.
        ::signal(SIGCHLD, SIG_DFL);
        log::configure(tool.name, log::Level::info, log::Format::logfmt);
        const Result<int> result = run_tool(tool, argc, argv, run);
        return result.ok() ? result.value() : report(tool, result.error());
    } catch (const std::bad_alloc&) {
        return report(tool, Error(ExitCode::os, "out of memory"));
    } catch (const std::exception& failure) {
        return report(tool, Error(ExitCode::internal, failure.what()));
    }
}

Result<void> announce_ready(std::string_view descriptor) {
    if (descriptor.empty()) return {};
    const std::uint64_t number = TRY(parse_number(descriptor, 0, 1 << 20));
    Fd fd(static_cast<int>(number));
    TRY(write_all(fd.get(), as_bytes("\n"), "the ready descriptor"));
    if (number <= 2) fd.release();
    return {};
}

Result<void> print(std::string_view text) {
    Result<void> written = write_all(STDOUT_FILENO, as_bytes(text), "standard output");
    if (!written.ok() && written.error().errno_value == EPIPE) {
        return Error(ExitCode::done, "");
    }
    return written;
}

}  // namespace base
