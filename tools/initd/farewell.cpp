// From the running part's facts to PostMortem.
#include "farewell.h"

#include <array>
#include <ctime>
#include <new>

#include "lines.h"
#include "outcome.h"

namespace initd {

namespace {

std::string_view time_now(std::array<char, 32>& to) {
    struct timespec now {};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return {to.data(), format_time(now.tv_sec, now.tv_nsec, to.data())};
}

}  // namespace

base::Result<void> Farewell::prepare() {
    memory_.reset(new (std::nothrow) char[kMostPostMortem + kMostPostMortemJson]);
    if (!memory_) return base::Error::system("reserve memory for the post-mortem", "", ENOMEM);
    return {};
}

void Farewell::compose_plainly(const End& end) {
    if (!memory_) return;
    std::array<char, 32> time;
    PostMortem writer(std::span(memory_.get(), kMostPostMortem));
    writer.open(time_now(time), end, 0);
    text_ = writer.text();
}

void Farewell::compose(const End& end, const Booted& booted, const Supervisor* supervisor,
                       const std::vector<std::unique_ptr<Unit>>& units) {
    const std::size_t count =
        supervisor == nullptr ? 0 : std::min(supervisor->size(), units.size());
    std::size_t told = 0;
    for (std::size_t index = 0; index < count; ++index)
        told += worth_telling(supervisor->service(index)) ? 1 : 0;
    text_ = {};
    if (!memory_ || (told == 0 && end.status == 0)) return;

    std::array<char, 32> time;
    PostMortem writer(std::span(memory_.get(), kMostPostMortem));
    writer.open(time_now(time), end, count);
    writer.expect(told);
    // The one that the enclave ends for comes first.
    for (const bool blamed : {true, false}) {
        for (std::size_t index = 0; index < count; ++index) {
            const Service& service = supervisor->service(index);
            const LoadedService& loaded = booted.loaded.services[index];
            if (!worth_telling(service) || (loaded.settings.name == end.service) != blamed)
                continue;
            const std::array<char, 192> how = describe(service.ending(), loaded);
            const bool broken = !loaded.problem.empty();
            writer.service(loaded.settings.name, service,
                           broken ? std::string_view(loaded.problem) : how.data(),
                           units[index]->ring());
        }
    }
    writer.close();
    text_ = writer.text();
}

std::string_view Farewell::as_status(std::string_view line) {
    if (!memory_) return {};
    return with_post_mortem(line, text_,
                            std::span(memory_.get() + kMostPostMortem, kMostPostMortemJson));
}

}  // namespace initd
