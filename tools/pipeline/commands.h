// The commands of the client, each from its words to an exit code. What they share is in client.h.
#pragma once

#include "base/options.h"
#include "base/result.h"

namespace pipeline {

base::Result<int> run_command(const base::Arguments& arguments);      // run, shell
base::Result<int> copy_command(const base::Arguments& arguments);     // cp, send-*, recv-*
base::Result<int> forward_command(const base::Arguments& arguments);  // forward
base::Result<int> ping_command(const base::Arguments& arguments);
base::Result<int> info_command(const base::Arguments& arguments);
base::Result<int> jobs_command(const base::Arguments& arguments);
base::Result<int> serve_command(const base::Arguments& arguments);
base::Result<int> audit_command(const base::Arguments& arguments);

}  // namespace pipeline
