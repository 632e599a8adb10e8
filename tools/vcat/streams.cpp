// One connection: joined to standard input and output, or handed to a command.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "base/format.h"
#include "base/signals.h"
#include "loop/loop.h"
#include "vcat.h"

namespace vcat {

using base::Error;
using base::ExitCode;
using base::Fd;
using base::Result;

Result<int> relay_standard_streams(Fd connection, const vsockio::RelayOptions& options) {
    loop::Loop loop = TRY(loop::Loop::create());
    Fd input = TRY(base::own_stream(STDIN_FILENO, O_RDONLY));
    Fd output = TRY(base::own_stream(STDOUT_FILENO, O_WRONLY));
    // The relay closes its output when the connection ends, so that a reader behind a pipe sees
    // the end; the inherited copy would keep the pipe open.
    (void)::dup2(STDERR_FILENO, STDOUT_FILENO);

    vsockio::RelayReport report;
    std::unique_ptr<vsockio::Relay> relay = TRY(
        vsockio::Relay::create(loop, vsockio::RelayEnd::pair(std::move(input), std::move(output)),
                               vsockio::RelayEnd::socket(std::move(connection)), options,
                               [&](const vsockio::RelayReport& seen) {
                                   report = seen;
                                   loop.stop();
                               }));
    loop.run();
    relay.reset();
    switch (report.reason) {
        case vsockio::RelayReason::ended: return 0;
        case vsockio::RelayReason::idle:
            return Error(ExitCode::temporary, "no byte moved within the idle limit");
        case vsockio::RelayReason::failed: break;
    }
    Error error = Error::system("read from", "the peer", report.errno_value);
    error.code = ExitCode::io;
    return error;
}

Error run_command(Fd connection, const std::string& peer, const std::vector<std::string>& command) {
    const Result<void> blocking = base::set_nonblocking(connection.get(), false);
    if (!blocking.ok()) return blocking.error();
    if (::dup2(connection.get(), STDIN_FILENO) < 0 || ::dup2(connection.get(), STDOUT_FILENO) < 0) {
        return Error::system("hand the connection to", command[0]);
    }
    std::vector<char*> words;
    for (const std::string& word : command)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::setenv("VCAT_PEER", peer.c_str(), 1);
    base::reset_signals();
    ::execvp(words[0], words.data());
    Error error = Error::system("run", command[0]);
    error.code = errno == ENOENT ? ExitCode::not_found : ExitCode::cannot_exec;
    return error;
}

}  // namespace vcat
