// nsm: talk to the Nitro Secure Module. Manual: nsm(1).
#include <unistd.h>

#include "base/file.h"
#include "base/main.h"
#include "base/text.h"
#include "commands.h"
#include "nsm/open.h"
#include "options.h"

namespace {

using base::Result;

Result<int> run(const base::Arguments& arguments) {
    const bool attests = arguments.command->name == "attest";
    const std::string path(attests ? arguments.value("output") : "-");
    if (attests && path == "-" && ::isatty(STDOUT_FILENO) != 0) {
        return base::Error::usage("the document is binary, and standard output is a terminal",
                                  "use -o FILE or redirect the output");
    }
    const std::string output = TRY(nsm_tool::run_command(
        arguments, [&] { return nsm::open_module(arguments.value("device")); }));
    if (path == "-") {
        TRY(base::print(output));
        return 0;
    }
    base::OutputFile file = TRY(base::OutputFile::create(path));
    TRY(base::write_all(file.fd(), base::as_bytes(output), path));
    TRY(file.commit());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return base::tool_main(nsm_tool::kTool, argc, argv, run);
}
