// The near side's outlet: a stream to the far side, the request on it, and the status awaited.
#include <algorithm>

#include "outlet.h"
#include "question.h"
#include "stream_pool.h"
#include "vsockio/connector.h"

namespace pf_proxy {

using base::Error;
using base::Result;
using proto::pf_proxy::StatusCode;

namespace {

class AskingOutlet : public Outlet {
  public:
    AskingOutlet(Service& service, const Destination& destination, Done done)
        : service_(service), destination_(destination), done_(std::move(done)) {}

    Result<void> start() {
        // Longer than the far side works, so that it is the one to say what was wrong.
        deadline_ = service_.loop.now() + service_.settings.limits.connect + kPatience;
        std::unique_ptr<loop::Edge> stream =
            service_.pool == nullptr ? nullptr : service_.pool->take();
        if (stream == nullptr) return connect();
        service_.metrics.add(service_.metrics.pool_hits);
        pooled_ = true;
        return ask(std::move(stream));
    }

  private:
    Result<void> connect() {
        pooled_ = false;
        connector_ = TRY(vsockio::Connector::start(
            service_.loop, service_.settings.targets.front(), service_.settings.limits.connect,
            [this](Result<std::unique_ptr<loop::Edge>> stream) {
                if (!stream.ok()) return fail(stream.error());
                go_on(ask(std::move(stream).value()));
            }));
        return {};
    }

    Result<void> ask(std::unique_ptr<loop::Edge> stream) {
        const auto left = std::max(deadline_ - service_.loop.now(), std::chrono::milliseconds(1));
        question_ =
            TRY(Question::start(service_.loop, std::move(stream), destination_, left,
                                [this](Question::Answer answer) { heard(std::move(answer)); }));
        return {};
    }

    void go_on(const Result<void>& begun) {
        if (!begun.ok()) fail(begun.error());
    }

    void heard(Question::Answer answer) {
        // The far side had closed the stream before it was asked on.
        if (answer.silent && pooled_) return go_on(connect());
        if (answer.silent) {
            return fail(Error::system("ask", "the far side", ECONNRESET));
        }
        if (answer.status.code != StatusCode::connected) {
            service_.metrics.add(answer.status.code == StatusCode::refused
                                     ? service_.metrics.refused_policy
                                     : service_.metrics.connect_failed);
        }
        OutletResult result;
        result.status = answer.status;
        if (answer.status.code == StatusCode::connected) {
            result.stream = std::move(answer.stream);
            result.tcp = service_.settings.targets.front().kind == vsockio::Address::Kind::tcp;
        } else {
            result.reason = "the far side: ";
            result.reason += proto::pf_proxy::name_of(answer.status.code);
        }
        finish(std::move(result));
    }

    void fail(const Error& error) {
        finish(not_connected(service_, error.errno_value, error.message));
    }

    void finish(OutletResult result) {
        const Done done = std::move(done_);
        done(std::move(result));  // may destroy this
    }

    static constexpr auto kPatience =
        proto::pf_proxy::kStatusLimit - proto::pf_proxy::kConnectLimit;

    Service& service_;
    Destination destination_;
    Done done_;
    std::chrono::milliseconds deadline_{};  // of the loop's clock
    bool pooled_ = false;
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
