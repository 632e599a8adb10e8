// The parts of --dns put together.
#include "dns_service.h"

#include "base/format.h"
#include "base/log.h"
#include "outlet.h"

namespace pf_proxy {

using base::Error;
using base::Result;

namespace {

class FarOpening : public Opening {
  public:
    explicit FarOpening(std::unique_ptr<Outlet> outlet) : outlet_(std::move(outlet)) {}

  private:
    std::unique_ptr<Outlet> outlet_;
};

// The near side's own policy is not asked about nameservers: they are named beside it.
NameserverOpener open_by_far_side(Service& service, const vsockio::IpEndpoint& nameserver) {
    const Destination destination{nameserver.address, nameserver.port, vsockio::Transport::tcp};
    return [&service, destination](Opened opened) -> Result<std::unique_ptr<Opening>> {
        auto outlet = TRY(start_asking_outlet(
            service, destination,
            [&service, destination, opened = std::move(opened)](OutletResult result) {
                if (result.stream != nullptr) return opened(result.stream->release());
                const int errno_value = proto::pf_proxy::errno_of(result.status);
                service.talk.warn(service.loop.now(), "nameserver not reached",
                                  {{"to", to_string(destination)}, {"why", result.reason}});
                opened(Error::system("reach the nameserver", to_string(destination), errno_value));
            }));
        return std::unique_ptr<Opening>(std::make_unique<FarOpening>(std::move(outlet)));
    };
}

}  // namespace

DnsService::DnsService(Service& service, std::unique_ptr<Forwarder> forwarder)
    : service_(service),
      responder_(service.loop, {}, service.metrics, std::move(forwarder), service.policy, pins_) {
    responder_.on_refused([this](const std::string& name, const std::string& reason) {
        service_.talk.warn(service_.loop.now(), "name refused", {{"name", name}, {"why", reason}});
    });
}

Result<std::unique_ptr<DnsService>> DnsService::create(Service& service) {
    std::vector<NameserverOpener> openers;
    for (const vsockio::IpEndpoint& nameserver : service.settings.nameservers)
        openers.push_back(open_by_far_side(service, nameserver));
    auto forwarder = TRY(make_stream_forwarder(service.loop, std::move(openers), {}));
    std::unique_ptr<DnsService> made(new DnsService(service, std::move(forwarder)));
    if (service.settings.pin_routes) TRY(made->keep_pins());
    DnsStubSettings settings;
    settings.listen = *service.settings.dns;
    made->stub_ = TRY(DnsStub::create(service.loop, settings, made->responder_));
    base::log::info("answering dns", {{"address", to_string(made->stub_->bound())}});
    return made;
}

Result<void> DnsService::keep_pins() {
    RuleSink rules = TRY(kernel_rules());
    keeper_ = TRY(PinKeeper::create(
        service_.loop, service_.policy, std::move(rules), [this](const Error& error) {
            service_.talk.warn(service_.loop.now(), "pin not kept", {{"why", error.message}});
        }));
    responder_.on_pinned([this](const std::string& name, const vsockio::IpAddress& address,
                                Pins::Time until) { keeper_->pin(name, address, until); });
    return {};
}

void DnsService::set_policy(std::shared_ptr<const policy::Policy> policy) {
    if (keeper_ != nullptr) keeper_->set_policy(policy);
    responder_.set_policy(std::move(policy));
}

std::vector<std::string> DnsService::names_of(const vsockio::IpAddress& address) {
    return pins_.names_of(address, service_.loop.now());
}

}  // namespace pf_proxy
