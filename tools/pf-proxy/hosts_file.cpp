// Reading hosts(5).
#include "hosts_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/text.h"
#include "policy/host_name.h"

namespace pf_proxy {

using vsockio::IpAddress;

namespace {

constexpr std::array kLoopback = {IpAddress::v4(127, 0, 0, 1),
                                  IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 1})};

std::string_view take_word(std::string_view& line) {
    const std::size_t start = std::min(line.find_first_not_of(" \t\r"), line.size());
    line.remove_prefix(start);
    const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
    line.remove_prefix(word.size());
    return word;
}

void add(HostTable& table, std::string_view word, const IpAddress& address) {
    const auto host = policy::parse_host(word);
    if (!host.ok()) return;
    const auto* name = std::get_if<std::string>(&host.value());
    if (name == nullptr) return;
    std::vector<IpAddress>& addresses = table[*name];
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
}

}  // namespace

bool is_localhost(std::string_view name) {
    return name == "localhost" || name.ends_with(".localhost");
}

HostTable parse_hosts(std::string_view text) {
    HostTable table;
    for (std::string_view line : base::split(text, '\n')) {
        line = line.substr(0, line.find('#'));
        const auto address = vsockio::parse_ip_address(take_word(line));
        if (!address.ok()) continue;
        for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
            add(table, word, address.value().unmapped());
        }
    }
    return table;
}

std::span<const IpAddress> HostsFile::find(std::string_view name, std::chrono::milliseconds now) {
    if (is_localhost(name)) return kLoopback;
    if (path_.empty()) return {};
    if (now - looked_ >= kLookAgainAfter) {
        looked_ = now;
        refresh();
    }
    const auto found = table_.find(name);
    return found == table_.end() ? std::span<const IpAddress>() : found->second;
}

void HostsFile::refresh() {
    struct stat status {};
    if (::stat(path_.c_str(), &status) != 0) {
        table_.clear();
        size_ = -1;
        return;
    }
    if (status.st_dev == device_ && status.st_ino == inode_ && status.st_size == size_ &&
        status.st_mtim.tv_sec == changed_.tv_sec && status.st_mtim.tv_nsec == changed_.tv_nsec) {
        return;
    }
    const auto text = base::read_file(path_, kMaximumBytes);
    table_ = text.ok() ? parse_hosts(text.value()) : HostTable();
    device_ = status.st_dev;
    inode_ = status.st_ino;
    size_ = status.st_size;
    changed_ = status.st_mtim;
}

}  // namespace pf_proxy
