// One table for parsing, help, completion and the check of the manual page.
#include "options.h"

namespace initd {

namespace {

constexpr base::Option kOptions[] = {
    {'c', "check", "DIR", "", "Check the configuration in DIR and exit"},
};

}  // namespace

constexpr base::Tool kTool{
    "initd", "", "PID 1 of an enclave: boots, supervises services, ends the machine", kOptions, {}};

}  // namespace initd
