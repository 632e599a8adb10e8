// Whether the holder of a key may do what it asks for, and within which bounds. Pure. Every
// operation of every session comes through decide(); nothing is decided anywhere else.
// Page: authorized_keys(5).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "authorized_keys.h"
#include "instant.h"
#include "proto/pipeline.h"
#include "vsockio/address.h"

namespace pipeline {

using proto::pipeline::Operation;
inline constexpr Operation kOperations[] = {
    Operation::run,     Operation::shell,  Operation::jobs,    Operation::put, Operation::get,
    Operation::forward, Operation::listen, Operation::control, Operation::info};

// "run", "forward": as in the audit log.
std::string_view operation_name(Operation operation);

struct Asked {
    Operation operation = Operation::info;
    std::string command;                   // run: what was asked, as people would type it
    std::string user;                      // "" for none
    std::string folder;                    // to start in; "" for none
    std::vector<std::string> environment;  // KEY=VALUE
    std::optional<std::chrono::milliseconds> timeout;
    std::optional<vsockio::Address> address;  // of a forward
};

struct Circumstances {
    Instant now;
    std::optional<std::uint32_t> cid;  // nullopt when the peer is no vsock peer
    unsigned others = 0;               // the key's other sessions, and its jobs that still run
};

struct Granted {
    std::optional<std::string> command;    // run this by sh -c, whatever was asked for
    std::string user;                      // NAME or UID, with :GROUP if given; "": the server's
    std::vector<std::string> environment;  // beyond what every program gets
    std::vector<std::string> folders;      // copies: nothing outside of these; empty: anywhere
    std::optional<std::chrono::milliseconds> time;  // the operation is ended after that
};

struct Refused {
    std::string option;  // which decided: "allow", "command", "from-cid" ...
    std::string reason;  // a sentence without a final period
};

using Decision = std::variant<Granted, Refused>;

Decision decide(const AuthorizedKey& key, const Asked& asked, const Circumstances& circumstances);

// The part of decide() that does not depend on what is asked, for the moment a key connects.
std::optional<Refused> refuse_connection(const AuthorizedKey& key,
                                         const Circumstances& circumstances);

// Whether the key's line leaves room for the operation at all; decide() looks at the rest.
bool may_ask_for(const AuthorizedKey& key, Operation operation);

// The variable that tells a forced command what had been asked for.
inline constexpr std::string_view kOriginalCommand = "PIPELINE_ORIGINAL_COMMAND";

}  // namespace pipeline
