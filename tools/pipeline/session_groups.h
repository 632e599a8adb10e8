// The cgroups of sessions: what their processes make, and what the listener clears away after them,
// since a session that was killed clears nothing. Programs of a session without a user are in
// groups beside the listener's own, those of a key's user in the session's group. Jobs outlive
// sessions and are left alone.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <string>
#include <vector>

#include "base/accounts.h"

namespace pipeline {

std::string command_group_name(pid_t session, std::uint16_t stream);

// Makes a group for this session, gives it to the account and moves into it; without the right to,
// or without cgroups, nothing.
void enter_session_group(const base::Account& account);

class SessionGroups {
  public:
    // The process of a session has ended.
    void add(pid_t session);
    // A new one has that number now.
    void forget(pid_t session);
    // Kills the programs that such sessions have left and removes their groups.
    void sweep();
    // Somebody is still about to die; sweep() again soon.
    bool busy() const;

  private:
    struct Ended {
        pid_t session = -1;
        int tries = 0;
    };
    std::vector<Ended> ended_;
};

}  // namespace pipeline
