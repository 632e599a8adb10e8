// Reads the configuration under a root folder: initd.yaml, services/*.yaml and what they name.
//
// Absolute links are followed inside that root, so the same code serves PID 1 before and after
// the switch of roots and `initd --check` on the build host. It reads only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "accounts.h"
#include "base/fd.h"
#include "base/result.h"
#include "order.h"
#include "settings.h"
#include "supervisor.h"

namespace initd {

// Where the configuration stands: an open folder taken as "/", and a path within it.
struct Tree {
    base::Fd root;
    std::string folder = "/etc/enclavebox";
    std::string shown;      // put before paths in messages: "" for the running system
    bool is_rootfs = true;  // programs, accounts and env files can be looked up
};

base::Result<Tree> open_tree(const std::string& root);

// The file's text; `found` is false and the text empty when there is none.
struct FileText {
    std::string text;
    bool found = false;
};
base::Result<FileText> read_in(const Tree& tree, const std::string& path);

// Where a service comes from: a reload leaves alone what no file describes.
enum class Origin { file, legacy, transient };

struct LoadedService {
    ServiceSettings settings;
    Account account;
    Environment file_environment;
    std::string problem;  // not empty: it can never start
    Origin origin = Origin::file;
};

// What the Supervisor needs to know of it.
Plan plan_of(const LoadedService& service);

struct LoadedServices {
    std::optional<base::Error> failure;   // the first of this machine, not of a file
    std::vector<LoadedService> services;  // sorted by name
    std::vector<std::string> warnings;
    Order order;
};

// A missing file gives the defaults.
base::Result<SystemSettings> load_system(const Tree& tree);

// Bad files are problems of their services, never a failure of the whole.
LoadedServices load_services(const Tree& tree);

// Adds the legacy service where no file took its name, and orders all again.
void order_all(LoadedServices& loaded);

}  // namespace initd
