// What shuts a service off from the rest: namespaces, mounts, capabilities, system calls.
//
// Everything is laid out when the configuration is read; what is done in the child, between fork
// and exec, is system calls only. Settings: Confinement; page: service.yaml(5), Isolation.
#pragma once

#include <string>
#include <vector>

#include "service.h"
#include "settings.h"

namespace initd {

// In the child, in the order of the functions. Each returns the step that failed, with errno, or
// Step::none.
class Cage {
  public:
    explicit Cage(const Confinement& confinement);

    // With the rights of PID 1: priority, own network, own mounts; and nothing that is given up
    // here can be had again.
    Step enter() const;
    // After the user was changed: the capabilities it keeps.
    Step take_capabilities() const;
    // The very last before exec: from then on only what is allowed.
    Step allow_calls() const;

  private:
    Step build_mounts() const;
    bool make_root_read_only() const;
    bool make_read_only(const char* path) const;
    bool cover(const char* path) const;
    bool mount_tmp(const char* path) const;
    bool limit_capabilities() const;
    bool has_mounts() const;

    Confinement confinement_;
    std::string tmp_options_;
    std::string oom_text_;
};

}  // namespace initd
