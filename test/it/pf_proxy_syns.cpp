// Answers held SYNs by their destination's port, for the scenarios of pf-proxy's rules: port 20000
// + N is refused with errno N, 443 accepted, 444 accepted after two seconds, others never answered.
// Prints a line for each that it was asked about. Not a test by itself.
//
// usage: pf_proxy_syns READY_FILE [MOST_HELD]
#include <cstdio>
#include <cstdlib>
#include <list>

#include "syn_queue.h"

namespace {

struct Answers {
    loop::Loop& loop;
    std::unique_ptr<pf_proxy::SynQueue> queue;
    std::list<loop::Timer> delays;

    void later(std::chrono::milliseconds delay, std::function<void()> answer) {
        auto timer = loop::Timer::create(loop, std::move(answer));
        if (!timer.ok()) std::abort();
        delays.push_back(std::move(timer).value());
        delays.back().start(delay);
    }

    void asked(const pf_proxy::SynQueue::Syn& syn) {
        const auto& [source, destination] = syn.endpoints;
        std::printf("asked %s to %s\n", to_string(source).c_str(), to_string(destination).c_str());
        std::fflush(stdout);
        const std::uint64_t id = syn.id;
        const int port = destination.port;
        // After a moment, as a far side would: the application waits by then.
        constexpr std::chrono::milliseconds kMoment(50);
        if (port == 443) later(kMoment, [this, id] { queue->accept(id); });
        if (port == 444) later(std::chrono::seconds(2), [this, id] { queue->accept(id); });
        if (port >= 20'000 && port < 20'200) {
            later(kMoment, [this, id, port] { queue->refuse(id, port - 20'000); });
        }
    }
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 64;
    auto loop = loop::Loop::create();
    if (!loop.ok()) return 71;
    {
        Answers answers{loop.value(), nullptr, {}};
        pf_proxy::SynQueue::Settings settings;
        settings.hold_limit = std::chrono::milliseconds(2500);
        if (argc > 2) settings.most_held = static_cast<std::size_t>(std::atoi(argv[2]));
        auto queue = pf_proxy::SynQueue::create(
            loop.value(), settings,
            {[&](const pf_proxy::SynQueue::Syn& syn) { answers.asked(syn); },
             [](std::uint64_t) {
                 std::puts("expired");
                 std::fflush(stdout);
             },
             [](base::Error error) { std::fprintf(stderr, "%s\n", error.message.c_str()); }});
        if (!queue.ok()) {
            std::fprintf(stderr, "%s\n", queue.error().message.c_str());
            return 71;
        }
        answers.queue = std::move(queue).value();
        std::FILE* ready = std::fopen(argv[1], "we");
        if (ready == nullptr) return 74;
        std::fclose(ready);
        loop.value().run();
    }
    return 0;
}
