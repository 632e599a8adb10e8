// Both copy engines in one process, the sender's bytes straight into the receiver: what a copy
// costs without connection and encryption. engines FROM TO: prints seconds, MB, MB/s, the seconds
// within either engine, processor seconds, and the largest resident size in KiB.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <vector>

#include "copy_receive.h"
#include "copy_send.h"

using pipeline::CopyReceiver;
using pipeline::CopySender;
using Clock = std::chrono::steady_clock;

namespace {

double seconds(Clock::duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 64;
    const pipeline::Jail jail = pipeline::Jail::everywhere();
    auto source = pipeline::open_source(jail, argv[1], true);
    if (!source.ok()) return 66;
    const bool tree = source->shape == proto::copy::Shape::tree;
    CopySender sender(std::move(source).value(), {});
    const auto style = tree ? pipeline::CopyStyle::contents : pipeline::CopyStyle::file;
    CopyReceiver receiver({&jail, style, argv[2], "", -1}, {});
    std::vector<std::byte> buffer(64 * 1024);
    Clock::duration sending{};
    Clock::duration receiving{};
    const auto start = Clock::now();
    auto state = CopySender::State::more;
    while (state != CopySender::State::done && state != CopySender::State::failed) {
        const auto before = Clock::now();
        const auto filled = sender.fill(buffer);
        state = filled.state;
        const auto between = Clock::now();
        std::span<const std::byte> rest = std::span(buffer).first(filled.bytes);
        CopyReceiver::Taken taken;
        do {
            taken = receiver.take(rest);
            rest = rest.subspan(taken.bytes);
        } while (taken.state == CopyReceiver::State::again);
        receiving += Clock::now() - between;
        sending += between - before;
        sender.take_answers(receiver.answers());
        receiver.answered(receiver.answers().size());
    }
    const double all = seconds(Clock::now() - start);
    for (const auto& failure : sender.failures().take()) {
        std::fprintf(stderr, "engines: %s\n", failure.message().c_str());
    }
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto cpu = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    const double megabytes = static_cast<double>(sender.result().bytes) / 1e6;
    std::printf("%.3f %.0f %.0f %.3f %.3f %.3f %.3f %ld\n", all, megabytes, megabytes / all,
                seconds(sending), seconds(receiving), cpu(usage.ru_utime), cpu(usage.ru_stime),
                usage.ru_maxrss);
    return state == CopySender::State::done ? 0 : 74;
}
