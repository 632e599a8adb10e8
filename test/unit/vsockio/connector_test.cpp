// What a Connector waits for, and what not.
#include "vsockio/connector.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <optional>
#include <vector>

#include "support.h"
#include "vsockio/listen.h"

using namespace std::chrono_literals;
using base::Fd;
using vsockio::Connector;

namespace {

struct Attempt {
    loop::Loop& loop;
    std::optional<base::Result<std::unique_ptr<loop::Edge>>> result;
    std::unique_ptr<Connector> connector;

    Attempt(loop::Loop& on, const vsockio::Address& to, std::chrono::milliseconds timeout)
        : loop(on) {
        auto started = Connector::start(loop, to, timeout, [this](auto stream) {
            result.emplace(std::move(stream));
            loop.stop();
        });
        REQUIRE(started.ok());
        connector = std::move(started).value();
    }
};

class FewDescriptors {
  public:
    FewDescriptors() {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        const Fd lowest(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        set(static_cast<rlim_t>(lowest.get()));
    }
    ~FewDescriptors() { lift(); }
    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;
    void lift() const { set(before_.rlim_cur); }

  private:
    void set(rlim_t most) const {
        const rlimit limit{most, before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    }
    rlimit before_{};
};

}  // namespace

TEST_CASE("a connector waits for a descriptor, and not beyond its time") {
    auto loop = loop::Loop::create();
    auto listener = vsockio::Listener::create(vsockio::parse_address("tcp:127.0.0.1:0").value());
    SECTION("that comes") {
        const FewDescriptors few;
        Attempt attempt(loop.value(), listener.value().bound(), 10s);
        auto later = loop::Timer::create(loop.value(), [&] { few.lift(); });
        later.value().start(100ms);
        loop.value().run();
        CHECK(attempt.result->ok());
    }
    SECTION("that does not come") {
        const FewDescriptors few;
        Attempt attempt(loop.value(), listener.value().bound(), 100ms);
        loop.value().run();
        REQUIRE_FALSE(attempt.result->ok());
        CHECK(attempt.result->error().errno_value == EMFILE);
    }
}

TEST_CASE("a connector waits for its place in the queue of a Unix socket") {
    const vsockio_test::TemporaryFolder folder;
    auto loop = loop::Loop::create();
    const auto address = vsockio::parse_address("unix:" + folder.file("socket")).value();
    auto listener = vsockio::Listener::create(address, 0);
    // The queue takes one more than it says.
    Attempt first(loop.value(), address, 10s);
    loop.value().run();
    REQUIRE(first.result->ok());
    Attempt second(loop.value(), address, 10s);
    auto later = loop::Timer::create(loop.value(),
                                     [&] { CHECK(listener.value().accept().value().has_value()); });
    later.value().start(100ms);
    loop.value().run();
    CHECK(second.result->ok());
}

TEST_CASE("a connector does not wait for who refuses") {
    const vsockio_test::TemporaryFolder folder;
    auto loop = loop::Loop::create();
    const auto before = loop.value().now();
    Attempt attempt(loop.value(), vsockio::parse_address("unix:" + folder.file("no")).value(), 10s);
    loop.value().run();
    REQUIRE_FALSE(attempt.result->ok());
    CHECK(attempt.result->error().errno_value == ENOENT);
    CHECK(loop.value().now() - before < 5s);
}
