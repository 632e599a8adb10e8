// One document, one comparison, perhaps one step.
#include "clock.h"

#include <fcntl.h>

#include <ctime>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"
#include "lines.h"
#include "nsm/exchange.h"
#include "nsm/timestamp.h"

namespace initd {

using base::Error;
using base::Result;
using std::chrono::milliseconds;

namespace {

// More than this ahead is worth a word: the module tells whole seconds under emulation.
constexpr milliseconds kWorthAWord{2'000};

milliseconds kernel_time() {
    struct timespec now {};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return milliseconds(now.tv_sec * 1'000 + now.tv_nsec / 1'000'000);
}

std::string written(milliseconds time) {
    char text[32];
    const std::size_t length =
        format_time(time / std::chrono::seconds(1), time.count() % 1'000 * 1'000'000, text);
    return {text, length};
}

Result<milliseconds> ask_module() {
    const base::Fd device = TRY(nsm::open_device_file(nsm::kDevicePath));
    const auto reply = TRY(nsm::exchange(device.get(), nsm::plain_attestation_request()));
    return nsm::document_time(TRY(nsm::reply_document(reply)));
}

}  // namespace

Result<milliseconds> raise_clock(Journal& journal) {
    const milliseconds floor = TRY(ask_module());
    const milliseconds before = kernel_time();
    if (before >= floor) {
        const milliseconds ahead = before - floor;
        if (ahead > kWorthAWord) {
            journal.warning("the clock, {}, is {} ms ahead of the NSM and is kept", written(before),
                            ahead.count());
        } else {
            journal.info("the clock is not behind the NSM, which says {}", written(floor));
        }
        return floor;
    }
    struct timespec now {};
    now.tv_sec = floor / std::chrono::seconds(1);
    now.tv_nsec = floor.count() % 1'000 * 1'000'000;
    if (::clock_settime(CLOCK_REALTIME, &now) != 0) return Error::system("step the clock", "");
    journal.warning("stepped the clock by {} ms, from {} to {}, which the NSM says",
                    (floor - before).count(), written(before), written(floor));
    return floor;
}

Result<void> leave_floor(milliseconds floor) {
    const base::Fd file = TRY(base::open_file(kFloorPath, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    return base::write_all(file.get(), base::as_bytes(fmt::format("{}\n", floor.count())),
                           kFloorPath);
}

}  // namespace initd
