// What the configuration says, as plain values. Pages: initd.yaml(5) and service.yaml(5).
//
// The readers are system_file.cpp and service_file.cpp; the meaning of a service's policies is in
// service.cpp. Nothing here opens a file.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace initd {

using std::chrono::milliseconds;
using Environment = std::map<std::string, std::string>;

enum class ServiceKind { simple, oneshot, ready_fd, notify };
enum class Restart { never, on_failure, on_success, always };

struct Backoff {
    milliseconds initial{100};
    milliseconds maximum{30'000};
    unsigned factor = 2;
    milliseconds reset_after{60'000};  // a run at least this long starts the delays anew

    friend bool operator==(const Backoff&, const Backoff&) = default;
};

struct StartLimit {
    unsigned burst = 10;  // starts allowed within the interval; 0: no limit
    milliseconds interval{60'000};

    friend bool operator==(const StartLimit&, const StartLimit&) = default;
};

struct StopRule {
    int signal = SIGTERM;
    milliseconds timeout{10'000};  // then SIGKILL to everything the service started

    friend bool operator==(const StopRule&, const StopRule&) = default;
};

// What the state machine of one service needs to know of it.
struct Policy {
    ServiceKind kind = ServiceKind::simple;
    bool probed = false;            // a ReadyProbe finds out when it is ready
    milliseconds ready_timeout{0};  // from the program's start; 0: none
    milliseconds watchdog{0};       // longest silence of a ready service; 0: any
    Restart restart = Restart::on_failure;
    Backoff backoff;
    StartLimit start_limit;
    StopRule stop;

    // Running is not enough for being ready.
    bool announces() const {
        return kind == ServiceKind::ready_fd || kind == ServiceKind::notify || probed;
    }

    friend bool operator==(const Policy&, const Policy&) = default;
};

// Names of other services, as written.
struct Links {
    std::vector<std::string> after;
    std::vector<std::string> before;
    std::vector<std::string> requirements;  // the key `requires`
    std::vector<std::string> wants;

    friend bool operator==(const Links&, const Links&) = default;
};

struct ResourceLimit {
    int resource = 0;  // RLIMIT_*
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;

    friend bool operator==(const ResourceLimit&, const ResourceLimit&) = default;
};

// cgroup v2 limits; absent means the kernel's default.
struct GroupLimits {
    std::optional<std::uint64_t> memory_bytes;
    std::optional<std::uint64_t> cpu_percent;  // of one CPU
    std::optional<std::uint64_t> tasks;

    bool any() const { return memory_bytes || cpu_percent || tasks; }

    friend bool operator==(const GroupLimits&, const GroupLimits&) = default;
};

// What initd tries until it succeeds: the service is then ready.
struct ReadyProbe {
    enum class Kind { none, tcp, local, file } kind = Kind::none;
    std::string target;  // as written: 127.0.0.1:8080, [::1]:80, /path

    friend bool operator==(const ReadyProbe&, const ReadyProbe&) = default;
};

// What shuts a service off from the rest; cage.h carries it out.
struct Confinement {
    static constexpr std::size_t kMostPaths = 32;  // in each list

    std::optional<std::uint64_t> capabilities;  // a bit for each; absent: those of its user
    std::string calls_file;                     // the key `seccomp`; empty: all system calls
    std::vector<std::uint64_t> filter;          // what that file says: a struct sock_filter each
    bool private_tmp = false;
    std::optional<std::uint64_t> tmp_bytes;
    bool read_only_root = false;
    std::vector<std::string> read_only;
    std::vector<std::string> writable;
    std::vector<std::string> inaccessible;
    bool private_network = false;
    std::optional<int> nice;
    std::optional<int> oom_score_adjustment;

    friend bool operator==(const Confinement&, const Confinement&) = default;
};

// What a line of the log is.
enum class LineFormat { text, json };

// A file that gets what a service prints.
struct LogTarget {
    std::string path;                             // empty: none
    std::uint64_t most_bytes = 10 * 1024 * 1024;  // of one file
    unsigned files = 5;                           // the one that is written among them

    friend bool operator==(const LogTarget&, const LogTarget&) = default;
};

// A program that tells by its exit code whether a ready service still does its work.
struct HealthRule {
    std::vector<std::string> command;  // empty: none
    milliseconds interval{10'000};
    milliseconds timeout{2'000};
    unsigned retries = 3;  // failures in a row that make the service unhealthy

    friend bool operator==(const HealthRule&, const HealthRule&) = default;
};

struct ServiceSettings {
    std::string name;
    std::vector<std::string> command;
    Policy policy;
    ReadyProbe ready_probe;
    int ready_descriptor = 3;  // of ServiceKind::ready_fd
    HealthRule health;
    Links links;

    Environment environment;
    std::string environment_file;
    std::string folder = "/";
    unsigned mode_mask = 022;

    std::string user;  // empty: root
    std::string group;
    std::optional<std::vector<std::string>> groups;  // absent: those that /etc/group gives
    bool no_new_privileges = true;
    Confinement confinement;

    GroupLimits group_limits;
    std::vector<ResourceLimit> resource_limits;

    std::size_t ring_bytes = 128 * 1024;
    bool console = true;
    LogTarget log_target;
    bool critical = false;
    bool sidecar = false;
    bool enabled = true;

    friend bool operator==(const ServiceSettings&, const ServiceSettings&) = default;
};

enum class Demand { off, tried, required };
enum class EndAction { poweroff, reboot, halt, stay };
enum class PoweroffBy { reset, power };

// Where a reader connects: a vsock port, or a Unix socket (for tests and containers).
struct ListenPlace {
    std::uint32_t port = 0;
    std::string path;  // not empty: Unix socket

    bool configured() const { return port != 0 || !path.empty(); }

    friend bool operator==(const ListenPlace&, const ListenPlace&) = default;
};

struct SystemSettings {
    std::string hostname;
    Environment environment;
    Demand heartbeat = Demand::tried;
    milliseconds heartbeat_timeout{5'000};
    Demand entropy = Demand::tried;
    Demand clock = Demand::tried;
    std::vector<std::pair<std::string, std::string>> sysctl;  // in the order of the file
    std::vector<ResourceLimit> resource_limits;
    std::optional<std::uint64_t> tmp_bytes;
    bool tmp_noexec = false;
    std::size_t ring_bytes = 128 * 1024;
    bool console = true;
    LineFormat log_format = LineFormat::text;
    ListenPlace log_listen;
    ListenPlace status_listen;
    EndAction on_exit = EndAction::poweroff;
    PoweroffBy poweroff_by = PoweroffBy::reset;
    milliseconds shutdown_timeout{30'000};
    milliseconds linger{5'000};

    friend bool operator==(const SystemSettings&, const SystemSettings&) = default;
};

// The kernel's resource limits by name ("nofile"), and RLIMIT_* for a name, or -1.
std::span<const std::string_view> resource_names();
int resource_number(std::string_view name);

}  // namespace initd
