// The keys that may do something in this enclave, and how much each may. Pure: text in, values
// out. Whether a certain operation may be done is decided in decision.h. Page: authorized_keys(5).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "instant.h"
#include "vsockio/address.h"

namespace pipeline {

enum class Right : unsigned {
    run = 1,
    shell = 2,
    copy = 4,
    forward = 8,
    info = 16,
    control = 32,  // initd's control socket
};

class Rights {
  public:
    static Rights all() { return Rights(63); }
    static Rights none() { return Rights(0); }
    bool has(Right right) const { return (bits_ & static_cast<unsigned>(right)) != 0; }
    void add(Right right) { bits_ |= static_cast<unsigned>(right); }
    void remove(Right right) { bits_ &= ~static_cast<unsigned>(right); }
    bool operator==(const Rights&) const = default;

  private:
    explicit Rights(unsigned bits) : bits_(bits) {}
    unsigned bits_;
};

// An address, or all ports of one.
struct AddressPattern {
    vsockio::Address address;
    bool any_port = false;

    // Hosts are compared as text, without regard to case: nothing is looked up.
    bool matches(const vsockio::Address& other) const;
};

struct AuthorizedKey {
    std::string fingerprint;
    std::string comment;
    std::size_t line = 0;
    Rights rights = Rights::all();
    std::optional<std::string> command;    // runs in place of what is asked for
    std::vector<std::string> folders;      // copies stay within one of them; empty: anywhere
    std::string user;                      // NAME or UID, with :GROUP if given; "": the server's
    std::vector<std::uint32_t> cids;       // empty: any peer
    std::optional<Instant> expires;        // from then on the key opens nothing
    std::vector<AddressPattern> may_open;  // see decide()
    std::vector<AddressPattern> may_listen;
    std::optional<unsigned> max_sessions;
    std::optional<std::chrono::milliseconds> max_time;  // of each operation
    std::vector<std::string> environment;               // KEY=VALUE; each key once
};

inline constexpr std::size_t kMaxKeysFileBytes = 256 * 1024;
inline constexpr std::size_t kMaxKeysLineBytes = 8 * 1024;

// All or nothing: one bad line refuses the file, since a line that is skipped might be the one
// that was to narrow something. Errors (config) read "FILE:LINE:COLUMN: reason".
base::Result<std::vector<AuthorizedKey>> parse_authorized_keys(std::string_view text,
                                                               std::string_view file);

// The key's entry, or nullptr.
const AuthorizedKey* find_key(const std::vector<AuthorizedKey>& keys, std::string_view fingerprint);

}  // namespace pipeline
