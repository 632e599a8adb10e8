// The near side's outlet: a stream to the far side, the request on it, and the status awaited.
#include "outlet.h"
#include "question.h"
#include "stream_pool.h"
#include "vsockio/connector.h"

namespace pf_proxy {

using base::Fd;
using base::Result;
using proto::pf_proxy::StatusCode;

namespace {

class AskingOutlet : public Outlet {
  public:
    AskingOutlet(Service& service, const Destination& destination, Done done)
        : service_(service), destination_(destination), done_(std::move(done)) {}

    Result<void> start() {
        timer_ = TRY(loop::Timer::create(service_.loop, [this] { fire(); }));
        timer_->start(std::chrono::milliseconds(0));
        return {};
    }

  private:
    void fire() {
        if (begun_) return fail(ETIMEDOUT, "no status in time");
        begun_ = true;
        // Longer than the far side works, so that it is the one to say what was wrong.
        timer_->start(service_.settings.limits.connect + kPatience);
        Fd stream = service_.pool == nullptr ? Fd() : service_.pool->take();
        if (!stream.valid()) return connect();
        service_.metrics.add(service_.metrics.pool_hits);
        pooled_ = true;
        ask(std::move(stream));
    }

    void connect() {
        pooled_ = false;
        Result<std::unique_ptr<vsockio::Connector>> connector = vsockio::Connector::start(
            service_.loop, service_.settings.targets.front(), service_.settings.limits.connect,
            [this](Result<Fd> fd) {
                if (!fd.ok()) return fail(fd.error().errno_value, fd.error().message);
                ask(std::move(fd).value());
            });
        if (!connector.ok()) return fail(connector.error().errno_value, connector.error().message);
        connector_ = std::move(connector).value();
    }

    void ask(Fd stream) {
        Result<std::unique_ptr<Question>> question =
            Question::start(service_.loop, std::move(stream), destination_,
                            service_.settings.limits.connect + kPatience,
                            [this](Question::Answer answer) { heard(std::move(answer)); });
        if (!question.ok()) return fail(question.error().errno_value, question.error().message);
        question_ = std::move(question).value();
    }

    void heard(Question::Answer answer) {
        // The far side had closed the stream before it was asked on.
        if (answer.silent && pooled_) return connect();
        if (answer.silent) return fail(ECONNRESET, "the far side closed the stream");
        if (answer.status.code != StatusCode::connected) {
            service_.metrics.add(answer.status.code == StatusCode::refused
                                     ? service_.metrics.refused_policy
                                     : service_.metrics.connect_failed);
        }
        OutletResult result;
        result.status = answer.status;
        if (answer.status.code == StatusCode::connected) {
            result.fd = std::move(answer.stream);
        } else {
            result.reason = "the far side: ";
            result.reason += proto::pf_proxy::name_of(answer.status.code);
        }
        finish(std::move(result));
    }

    void fail(int errno_value, std::string why) {
        service_.metrics.add(service_.metrics.connect_failed);
        OutletResult result;
        result.status = failed_status(errno_value);
        result.reason = std::move(why);
        finish(std::move(result));
    }

    void finish(OutletResult result) {
        timer_.reset();
        const Done done = std::move(done_);
        done(std::move(result));  // may destroy this
    }

    static constexpr auto kPatience =
        proto::pf_proxy::kStatusLimit - proto::pf_proxy::kConnectLimit;

    Service& service_;
    Destination destination_;
    Done done_;
    bool begun_ = false;
    bool pooled_ = false;
    std::optional<loop::Timer> timer_;
    std::unique_ptr<vsockio::Connector> connector_;
    std::unique_ptr<Question> question_;
};

}  // namespace

Result<std::unique_ptr<Outlet>> start_asking_outlet(Service& service,
                                                    const Destination& destination,
                                                    Outlet::Done done) {
    auto outlet = std::make_unique<AskingOutlet>(service, destination, std::move(done));
    TRY(outlet->start());
    return std::unique_ptr<Outlet>(std::move(outlet));
}

}  // namespace pf_proxy
