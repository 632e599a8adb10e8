// The names of hosts(5): a pure reader of its text, and the file as it is now.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <ctime>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vsockio/ip_address.h"

namespace pf_proxy {

// By name in the spelling of policy::parse_host(). Each name's addresses in the order of the file,
// unmapped, each once.
using HostTable = std::map<std::string, std::vector<vsockio::IpAddress>, std::less<>>;

// RFC 6761 6.3: the loopback, whatever files and nameservers say.
bool is_localhost(std::string_view name);

// Lines whose address is none in the usual spelling, and words that are no names, are passed over.
HostTable parse_hosts(std::string_view text);

class HostsFile {
  public:
    static constexpr std::size_t kMaximumBytes = 4u << 20;
    static constexpr std::chrono::milliseconds kLookAgainAfter{1000};

    // An empty path is a file without names but localhost.
    explicit HostsFile(std::string path) : path_(std::move(path)) {}

    // Reads the file when it has changed, for which it looks once a second of `now`. A file that
    // is missing, too large or unreadable has no names but localhost.
    std::span<const vsockio::IpAddress> find(std::string_view name, std::chrono::milliseconds now);

  private:
    void refresh();

    std::string path_;
    HostTable table_;
    std::chrono::milliseconds looked_{-kLookAgainAfter};
    dev_t device_ = 0;
    ino_t inode_ = 0;
    off_t size_ = -1;
    timespec changed_{};
};

}  // namespace pf_proxy
