// vsockd: switch vsock connections between emulated enclaves and this host. Manual: vsockd(8).
#include "base/main.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <memory>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "loop/loop.h"
#include "memory_guard.h"
#include "router.h"
#include "settings.h"
#include "slot.h"

namespace vsockd {
namespace {

using base::Error;
using base::Fd;
using base::Result;

// Every connection is a descriptor.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

Result<std::vector<std::unique_ptr<Slot>>> open_slots(loop::Loop& loop, const Settings& settings,
                                                      Router& router) {
    if (::mkdir(settings.folder.c_str(), 0700) != 0 && errno != EEXIST) {
        return Error::system("make the folder", settings.folder);
    }
    // Two that start at once would both take the same stale sockets for free.
    const Fd folder = TRY(base::open_file(settings.folder, O_RDONLY | O_DIRECTORY));
    if (::flock(folder.get(), LOCK_EX) != 0) return Error::system("lock", settings.folder);
    std::vector<std::unique_ptr<Slot>> slots;
    for (const std::uint32_t cid : settings.guests) {
        Result<std::unique_ptr<Slot>> slot = Slot::create(loop, settings, router, cid);
        if (!slot.ok() && slot.error().errno_value == EADDRINUSE) {
            return std::move(slot).error().with_hint(
                "another vsockd serves this guest in the same folder");
        }
        slots.push_back(TRY(std::move(slot)));
    }
    return slots;
}

Result<int> run(const base::Arguments& arguments) {
    const Settings settings = TRY(parse_settings(arguments));
    base::log::set_format(settings.log_format);
    raise_descriptor_limit();
    TRY(MemoryGuard::install());
    loop::Loop loop = TRY(loop::Loop::create());
    const auto stop = [&loop](int) { loop.stop(); };
    const loop::Signal terminated = TRY(loop::Signal::create(loop, SIGTERM, stop));
    const loop::Signal interrupted = TRY(loop::Signal::create(loop, SIGINT, stop));
    Router router(loop, settings);
    const std::vector<std::unique_ptr<Slot>> slots = TRY(open_slots(loop, settings, router));
    TRY(base::announce_ready(settings.ready_descriptor));
    loop.run();
    return 0;
}

}  // namespace
}  // namespace vsockd

int main(int argc, char** argv) {
    return base::tool_main(vsockd::kTool, argc, argv, vsockd::run);
}
