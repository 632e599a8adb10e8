// Forks a child that becomes a service's program, and learns when it does or at which step and
// with which errno it could not.
//
// Everything the child needs is laid out beforehand, so that between fork and exec it only makes
// system calls.
#pragma once

#include <sys/types.h>
#include <string>
#include <vector>

#include "accounts.h"
#include "base/fd.h"
#include "cage.h"
#include "service.h"
#include "settings.h"

namespace initd {

// One service's program, ready to be started any number of times without allocation.
class Program {
  public:
    // `cgroup` is the folder of the group it runs in, or empty.
    Program(const ServiceSettings& settings, Account account, std::vector<std::string> environment,
            std::string cgroup);
    Program(Program&&) = default;
    Program& operator=(Program&&) = default;

    struct Started {
        pid_t pid = -1;
        base::Fd report;  // end of file: the program runs; else one Failure
    };
    struct Failure {
        Step step = Step::none;
        int errno_value = 0;
    };
    // The child gets the pipes' write ends as stdout and stderr and /dev/null as stdin, and
    // `ready`, if it is valid, as the number that the settings give. On failure the pid is -1 and
    // `failure` says why.
    // A child is born in its group where that `group_is_new`, else moved there, which takes longer.
    Started start(const base::Fd& out, const base::Fd& err, const base::Fd& ready,
                  bool group_is_new, Failure& failure) const;

    const std::string& name_of_program() const { return command_[0]; }

  private:
    // What a child begins with; -1 for none.
    struct Descriptors {
        int out;
        int err;
        int ready;
        int report;
        int group;  // the folder of the group that it still has to move into
    };
    [[noreturn]] void become(const Descriptors& given) const;
    bool hand_over(int ready) const;
    Step prepare(const Descriptors& given) const;
    Step take_identity() const;

    std::vector<std::string> command_;
    std::vector<std::string> environment_;
    std::vector<std::string> candidates_;  // paths to try, in order
    std::vector<char*> argv_;
    std::vector<char*> envp_;
    Account account_;
    std::string folder_;
    std::string cgroup_;
    std::vector<ResourceLimit> limits_;
    mode_t mode_mask_;
    bool no_new_privileges_;
    int ready_descriptor_;
    Cage cage_;
};

// Reads the report without waiting. True when it is complete: `failure.step` is none when the
// program runs.
bool read_report(int fd, Program::Failure& failure);

}  // namespace initd
