// Whatever several clients send to the control socket, in any order and pieces: initd answers with
// frames, drops who breaks the rules, and stays in order. Services and their children are played.
//
// The input is a script of steps: one byte says what happens to which client, a second how many
// bytes follow that it sends. kill(2) and geteuid(2) are replaced by the linker.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <span>

#include "control.h"
#include "journal.h"
#include "reactor.h"
#include "roster.h"
#include "supervisor.h"
#include "unit.h"

namespace {

using Clock = std::chrono::steady_clock;
using initd::Action;
using initd::Event;

bool asked_by_root = true;

void require(bool condition) {
    if (!condition) std::abort();
}

class World : public initd::UnitObserver, public initd::RosterObserver {
  public:
    World() {
        require(journal_.create(16 * 1024).ok() && reactor_.create().ok());
        initd::block_signals();
        const auto add = [&](const char* name, bool enabled, const char* problem) {
            initd::LoadedService& service = booted_.loaded.services.emplace_back();
            service.settings.name = name;
            service.settings.command = {"/bin/true"};
            service.settings.enabled = enabled;
            service.problem = problem;
        };
        add("base", true, "");
        add("web", true, "");
        add("off", false, "");
        add("broken", true, "it cannot be read");
        std::vector<initd::Plan> plans;
        for (const auto& service : booted_.loaded.services) {
            plans.push_back({service.settings.policy, false, service.settings.enabled,
                             !service.problem.empty()});
            units_.push_back(std::make_unique<initd::Unit>(units_.size(), service.settings.name,
                                                           4096, initd::Equipment{}, journal_,
                                                           reactor_, *this));
        }
        supervisor_.emplace(plans, std::vector<std::vector<initd::Gate>>{{}, {{0, true}}, {}, {}});
        require(
            control_
                .prepare({&booted_, &journal_, &*supervisor_, &units_, &roster_, now_}, reactor_)
                .ok());
        supervisor_->start_all(now_);
        play();
    }

    void on_unit_event(std::size_t, const Event&) override {}
    void on_exchange(const std::vector<std::size_t>& to, std::size_t count) override {
        control_.on_exchange(to, count);
    }

    void send(std::size_t index, std::span<const std::uint8_t> bytes) {
        base::Fd& client = clients_[index];
        if (!client.valid()) connect(index);
        if (!client.valid()) return;
        if (!bytes.empty())
            (void)::send(client.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        turn();
    }

    // What the client gets must be frames.
    void read(std::size_t index) {
        base::Fd& client = clients_[index];
        if (!client.valid()) return;
        std::array<std::byte, 32 * 1024> memory;
        const ssize_t count = ::recv(client.get(), memory.data(), memory.size(), MSG_DONTWAIT);
        if (count == 0) return leave(index);
        if (count > 0) {
            auto& got = received_[index];
            got.insert(got.end(), memory.begin(), memory.begin() + count);
            std::size_t used = 0;
            while (true) {
                const auto decoded = proto::control::decode(std::span(got).subspan(used));
                require(decoded.outcome != proto::control::Decoded::Outcome::bad);
                if (decoded.outcome != proto::control::Decoded::Outcome::frame) break;
                used += decoded.used_bytes;
            }
            got.erase(got.begin(), got.begin() + static_cast<std::ptrdiff_t>(used));
        }
        turn();
    }

    void leave(std::size_t index) {
        clients_[index].reset();
        received_[index].clear();
        turn();
    }

    void pass(std::chrono::seconds time) {
        now_ += time;
        control_.on_alarm(now_);
        turn();
    }

    // A service ends by itself, or prints.
    void disturb(std::size_t index) {
        if (index % 2 == 0 && index / 2 % 2 < supervisor_->size()) {
            const initd::Ending ending{initd::Ending::How::exited, 1, initd::Step::none};
            supervisor_->handle(index / 2 % 2, {Event::Kind::ended, ending}, now_);
        }
        journal_.info("disturbed by {}", index);
        turn();
    }

  private:
    void connect(std::size_t index) {
        int ends[2];
        require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
        clients_[index] = base::Fd(ends[0]);
        control_.admit(base::Fd(ends[1]));
    }

    // What the supervisor asks for happens at once.
    void play() {
        for (int most = 0; most < 1000; ++most) {
            const auto action = supervisor_->next_action();
            if (!action) return;
            const std::size_t index = action->service;
            switch (action->action.kind) {
                case Action::Kind::spawn:
                    supervisor_->handle(index, {Event::Kind::executed}, now_);
                    break;
                case Action::Kind::send_signal:
                case Action::Kind::kill_group: {
                    const initd::Ending ending{initd::Ending::How::signaled, action->action.signal,
                                               initd::Step::none};
                    supervisor_->handle(index, {Event::Kind::ended, ending}, now_);
                    break;
                }
                case Action::Kind::report:
                    control_.note_event(units_[index]->name(), action->state, action->action.reason,
                                        "");
                    break;
                default: break;
            }
        }
    }

    // Until nothing but the alarm is left.
    void turn() {
        int quiet = 0;
        for (int most = 0; most < 200 && quiet < 2; ++most) {
            control_.flush();
            play();
            // The machine that fuzzes has no services: a reload takes them all away.
            if (roster_.pending()) (void)roster_.advance(now_);
            (void)control_.take_end();
            reactor_.set_alarm(Clock::now());
            signalfd_siginfo signal{};
            quiet = reactor_.wait(signal) == initd::Reactor::Turn::alarm ? quiet + 1 : 0;
        }
    }

    initd::Time now_ = Clock::now();
    initd::Journal journal_;
    initd::Reactor reactor_;
    initd::Booted booted_;
    std::vector<std::unique_ptr<initd::Unit>> units_;
    std::optional<initd::Supervisor> supervisor_;
    initd::Roster roster_{{booted_, journal_, reactor_, *this, *this, supervisor_, units_}};
    initd::Control control_;
    std::array<base::Fd, 20> clients_;
    std::array<std::vector<std::byte>, 20> received_;
};

}  // namespace

extern "C" {

int __wrap_kill(pid_t, int) {
    errno = ESRCH;
    return -1;
}

uid_t __real_geteuid();
uid_t __wrap_geteuid() {
    return asked_by_root ? __real_geteuid() : __real_geteuid() + 1;
}
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::span<const std::uint8_t> input(data, size);
    World world;
    while (input.size() >= 2) {
        const unsigned what = input[0] / 20;
        const std::size_t client = input[0] % 20;
        const std::size_t most = input[1];
        input = input.subspan(2);
        const auto bytes = input.first(std::min(most, input.size()));
        asked_by_root = client % 5 != 4;
        switch (what) {
            case 9: world.leave(client); break;
            case 10: world.pass(std::chrono::seconds(most)); break;
            case 11: world.disturb(most); break;
            case 7:
            case 8: world.read(client); break;
            default:
                world.send(client, bytes);
                input = input.subspan(bytes.size());
                break;
        }
    }
    return 0;
}
