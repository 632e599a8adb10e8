// The commands, by subject. Each talks over a client that is connected and prints what it learns.
#pragma once

#include "base/options.h"
#include "client.h"

namespace initctl {

base::Result<int> list_services(Client& client, const base::Arguments& arguments);
base::Result<int> show_tree(Client& client, const base::Arguments& arguments);
base::Result<int> show_status(Client& client, const base::Arguments& arguments);
// start, stop, restart, enable and disable.
base::Result<int> change_services(Client& client, const base::Arguments& arguments);

base::Result<int> show_logs(Client& client, const base::Arguments& arguments);
base::Result<int> show_events(Client& client, const base::Arguments& arguments);

// ps, with or without "run".
base::Result<int> process_command(Client& client, const base::Arguments& arguments);
base::Result<int> run_program(Client& client, const base::Arguments& arguments);
base::Result<int> signal_process(Client& client, const base::Arguments& arguments);

base::Result<int> reload(Client& client, const base::Arguments& arguments);
base::Result<int> system_command(Client& client, const base::Arguments& arguments);
base::Result<int> ping(Client& client, const base::Arguments& arguments);

}  // namespace initctl
