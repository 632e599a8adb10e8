// The listening side: accepts, gives each connection a process of its own, counts sessions, keeps
// the audit log. Of what a peer sends it looks at the length of the first record only.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "authorized_keys.h"
#include "base/fd.h"
#include "base/result.h"
#include "crypto/identity.h"
#include "vsockio/address.h"

namespace pipeline {

struct ServeSettings {
    vsockio::Address address;
    std::vector<AuthorizedKey> keys;
    std::string module;      // where evidence comes from: nsm(1)
    std::string audit_file;  // "" keeps none
    std::string jobs_folder;
    std::string control_socket;  // initd's
    unsigned max_sessions = 0;
    unsigned max_greetings = 0;    // connections whose key is not known yet
    std::uint64_t max_output = 0;  // of each output of a command; 0: none
    std::uint64_t max_copy = 0;    // content of one copy to here; 0: none
    std::chrono::milliseconds greeting_limit{};
    std::chrono::milliseconds idle_limit{};  // 0: none
};

// Serves until SIGTERM or SIGINT. `ready` is the option's text for announce_ready().
base::Result<int> serve(const ServeSettings& settings, std::string_view ready);

// What a session gets from its listener when its process is born.
struct SessionStart {
    const ServeSettings& settings;
    const crypto::Identity& identity;
    base::Fd socket;
    base::Fd listener;  // datagrams: admission.h
    std::string peer;
};

// The life of a session in its own process; returns its exit status.
int run_session(SessionStart start);

}  // namespace pipeline
