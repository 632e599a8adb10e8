// pipeline ping: how long a frame takes there and back, through all of the channel.
#include <algorithm>
#include <vector>

#include "base/format.h"
#include "base/main.h"
#include "client.h"
#include "commands.h"

namespace pipeline {

using base::Result;
using std::chrono::nanoseconds;

namespace {

constexpr std::chrono::milliseconds kAnswerLimit{10'000};

double in_ms(nanoseconds time) {
    return static_cast<double>(time.count()) / 1e6;
}

}  // namespace

Result<int> ping_command(const base::Arguments& arguments) {
    const ClientCall call = TRY(client_call(arguments));
    if (!call.operands.empty()) return base::Error::usage("ping takes an address and nothing else");
    const std::uint64_t count = TRY(arguments.number("count", 1, 1'000'000));
    const auto interval = TRY(arguments.duration("interval"));
    loop::Loop loop = TRY(loop::Loop::create());
    const std::unique_ptr<Client> client = TRY(Client::connect(loop, call.settings));

    bool late = false;
    loop::Timer pause = TRY(loop::Timer::create(loop, [&] { client->stop(); }));
    loop::Timer limit = TRY(loop::Timer::create(loop, [&] {
        late = true;
        client->stop();
    }));
    std::vector<nanoseconds> times;
    while (times.size() < count) {
        limit.start(kAnswerLimit);
        client->connection().ping([&](nanoseconds time) {
            times.push_back(time);
            client->stop();
        });
        TRY(client->run());
        limit.stop();
        if (late) {
            return base::Error(base::ExitCode::unavailable,
                               fmt::format("no answer within {} s", kAnswerLimit.count() / 1000));
        }
        TRY(base::print(
            fmt::format("answer {} in {:.3f} ms\n", times.size(), in_ms(times.back()))));
        if (times.size() == count) break;
        pause.start(interval);
        TRY(client->run());
    }
    if (count > 1) {
        std::ranges::sort(times);
        TRY(base::print(fmt::format(
            "{} answers, {:.3f} / {:.3f} / {:.3f} ms (least, median, most)\n", times.size(),
            in_ms(times.front()), in_ms(times[times.size() / 2]), in_ms(times.back()))));
    }
    client->close();
    return 0;
}

}  // namespace pipeline
