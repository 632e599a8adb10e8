// Boot, step after step. What may fail is logged and survived unless the configuration says that
// it is required.
#include "boot.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "clock.h"
#include "environment.h"
#include "machine.h"
#include "mounts.h"

namespace initd {

namespace {

// Descriptors 0 to 2 are always open, so that no other file ever gets their numbers.
void open_standard_descriptors() {
    for (int fd = 0; fd <= 2; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0) continue;
        if (::open("/dev/console", O_RDWR | O_NOCTTY) < 0) {
            [[maybe_unused]] const int null = ::open("/dev/null", O_RDWR);
        }
    }
}

// A description of our own, so that making it non-blocking disturbs nobody who shares it.
void attach_console(Journal& journal) {
    constexpr int kFlags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_APPEND | O_CLOEXEC;
    base::Fd fd(::open("/proc/self/fd/2", kFlags));
    if (!fd.valid()) fd = base::Fd(::open("/dev/console", kFlags));
    if (!fd.valid()) {
        fd = base::Fd(::fcntl(2, F_DUPFD_CLOEXEC, 3));
        if (fd.valid()) ::fcntl(fd.get(), F_SETFL, O_WRONLY | O_NONBLOCK);
    }
    journal.console().attach(std::move(fd));
    journal.console().flush();
}

End fatal_end(const std::string& error) {
    End end;
    end.reason = "fatal";
    end.detail = error;
    end.status = static_cast<int>(base::ExitCode::config);
    end.final_line = fatal_line(error);
    return end;
}

void settings_before_the_switch(Booted& booted, Journal& journal) {
    struct stat status {};
    const bool rootfs = ::stat("/rootfs", &status) == 0 && S_ISDIR(status.st_mode);
    auto tree = open_tree(rootfs ? "/rootfs" : "/");
    auto settings =
        tree.ok() ? load_system(tree.value()) : base::Result<SystemSettings>(tree.error());
    if (!settings.ok()) {
        journal.error("{}", settings.error().message);
        booted.fatal = fatal_end(settings.error().message);
        return;
    }
    booted.settings = std::move(settings).value();
    journal.set_console_enabled(booted.settings.console);
    const auto resized = journal.reshape(booted.settings.ring_bytes, booted.settings.log_format);
    if (!resized.ok()) journal.warning("{}", resized.error().message);
}

// A step that the configuration may demand.
void demanded(Booted& booted, Journal& journal, Demand demand, const char* what,
              const base::Error& error) {
    if (demand != Demand::required) {
        journal.warning("{} failed: {}", what, error.message);
        return;
    }
    journal.error("{} failed and is required: {}", what, error.message);
    if (!booted.fatal) booted.fatal = fatal_end(fmt::format("{}: {}", what, error.message));
}

void load_driver(Journal& journal) {
    const auto loaded = load_module("/nsm.ko");
    if (!loaded.ok())
        journal.warning("{}", loaded.error().message);
    else if (loaded.value())
        journal.info("loaded /nsm.ko");
}

void take_entropy(Booted& booted, Journal& journal) {
    const Demand demand = booted.settings.entropy;
    if (demand == Demand::off) return;
    if (!has_nsm()) {
        if (demand == Demand::required) {
            const base::Error absent(base::ExitCode::unavailable, "there is no /dev/nsm");
            demanded(booted, journal, demand, "entropy", absent);
        } else {
            journal.info("no /dev/nsm: the kernel's random pool is left as it is");
        }
        return;
    }
    const auto bits = feed_entropy();
    if (bits.ok())
        journal.info("credited {} bits of entropy from nsm-hwrng", bits.value());
    else
        demanded(booted, journal, demand, "entropy", bits.error());
}

// Before all that writes times down. Returns the floor, if the module told one.
std::optional<milliseconds> take_time(Booted& booted, Journal& journal) {
    const Demand demand = booted.settings.clock;
    if (demand == Demand::off) return std::nullopt;
    if (!has_nsm() && demand == Demand::tried) {
        journal.info("no /dev/nsm: the clock is left as it is");
        return std::nullopt;
    }
    const auto floor = raise_clock(journal);
    if (floor.ok()) return floor.value();
    demanded(booted, journal, demand, "clock", floor.error());
    return std::nullopt;
}

void tell_the_parent(Booted& booted, Journal& journal) {
    if (booted.settings.heartbeat == Demand::off) return;
    const auto cid = send_heartbeat(booted.settings.heartbeat_timeout);
    if (cid.ok())
        journal.info("heartbeat answered by CID {}", cid.value());
    else
        demanded(booted, journal, booted.settings.heartbeat, "heartbeat", cid.error());
}

void warn(Journal& journal, const base::Result<void>& result) {
    if (!result.ok()) journal.warning("{}", result.error().message);
}

struct Legacy {
    std::string command;
    std::string environment;
};

// AWS's builder leaves these in the boot ramdisk, so they are read before the switch.
Legacy take_legacy() {
    Legacy legacy;
    auto tree = open_tree("/");
    if (!tree.ok()) return legacy;
    auto command = read_in(tree.value(), "/cmd");
    auto environment = read_in(tree.value(), "/env");
    if (command.ok()) legacy.command = std::move(command).value().text;
    if (environment.ok()) legacy.environment = std::move(environment).value().text;
    return legacy;
}

void add_legacy(LoadedServices& loaded, const Legacy& legacy, Journal& journal) {
    ServiceSettings settings = legacy_service(legacy.command, legacy.environment);
    if (settings.command.empty()) return;
    if (!loaded.services.empty()) {
        journal.warning("/cmd is not run as there are services in /etc/enclavebox/services");
        return;
    }
    journal.info("/cmd runs as service {}", settings.name);
    loaded.services.push_back({std::move(settings), {}, {}, {}, Origin::legacy});
    loaded.services.back().account.home = "/root";
    order_all(loaded);
}

// Hundreds of services need more descriptors than services themselves should inherit.
ResourceLimit raise_descriptor_limit() {
    struct rlimit limit {};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const ResourceLimit inherited{RLIMIT_NOFILE, limit.rlim_cur, limit.rlim_max};
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return inherited;
}

void set_up_machine(Booted& booted, Journal& journal) {
    const SystemSettings& settings = booted.settings;
    mount_for_services(settings, journal);
    booted.cgroups.set_up(journal);
    if (!settings.hostname.empty() &&
        ::sethostname(settings.hostname.data(), settings.hostname.size()) != 0) {
        journal.warning("cannot set the host name: {}", std::strerror(errno));
    }
    for (const auto& [name, value] : settings.sysctl)
        warn(journal, write_sysctl(name, value));
    for (const ResourceLimit& limit : settings.resource_limits) {
        warn(journal, set_resource_limit(limit));
    }
    const auto sys = protect_sys();
    // In a container it may be another's.
    if (!booted.container) warn(journal, sys);
    booted.descriptors = raise_descriptor_limit();
}

}  // namespace

Booted boot(Journal& journal) {
    Booted booted;
    ::umask(022);
    mount_kernel_filesystems(journal);
    open_standard_descriptors();
    attach_console(journal);
    booted.container = in_container();
    settings_before_the_switch(booted, journal);
    load_driver(journal);
    const std::optional<milliseconds> floor = take_time(booted, journal);
    take_entropy(booted, journal);
    tell_the_parent(booted, journal);
    warn(journal, bring_up_loopback());
    const Legacy legacy = take_legacy();
    const auto switched = switch_root(journal);
    if (!switched.ok()) {
        journal.error("{}", switched.error().message);
        if (!booted.fatal) booted.fatal = fatal_end(switched.error().message);
    }
    if (booted.fatal) return booted;
    set_up_machine(booted, journal);
    if (floor) warn(journal, leave_floor(*floor));
    auto tree = open_tree("/");
    if (tree.ok())
        booted.loaded = load_services(tree.value());
    else
        journal.error("{}", tree.error().message);
    for (const std::string& warning : booted.loaded.warnings)
        journal.warning("{}", warning);
    add_legacy(booted.loaded, legacy, journal);
    journal.console().flush();
    return booted;
}

}  // namespace initd
