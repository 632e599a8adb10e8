// Held SYNs and the questions asked for them.
#include "syn_holder.h"

#include "dns_service.h"
#include "near_judgement.h"

namespace pf_proxy {

using base::Error;
using base::Result;

Result<std::unique_ptr<SynHolder>> SynHolder::create(Service& service) {
    std::unique_ptr<SynHolder> made(new SynHolder(service));
    SynHolder* holder = made.get();
    SynQueue::Handlers handlers;
    handlers.asked = [holder](const SynQueue::Syn& syn) { holder->asked(syn); };
    handlers.expired = [holder](std::uint64_t id) { holder->asking_.erase(id); };
    handlers.failed = [holder](const Error& error) {
        holder->asking_.clear();
        holder->service_.talk.warn(holder->service_.loop.now(), "connections are held no longer",
                                   {{"why", error.message}});
    };
    made->queue_ = TRY(SynQueue::create(service.loop, {}, std::move(handlers)));
    return made;
}

void SynHolder::asked(const SynQueue::Syn& syn) {
    const vsockio::IpEndpoint& original = syn.endpoints.destination;
    std::vector<std::string> names;
    if (service_.dns != nullptr) names = service_.dns->names_of(original.address);
    const NearJudgement judgement =
        judge_original(service_.policy.get(), names, original, vsockio::Transport::tcp);
    if (!judgement.destination.has_value()) {
        service_.metrics.add(service_.metrics.refused_policy);
        return queue_->refuse(syn.id, EACCES);
    }
    Result<std::unique_ptr<Outlet>> outlet =
        start_asking_outlet(service_, *judgement.destination,
                            [this, syn](OutletResult result) { answered(syn, std::move(result)); });
    if (!outlet.ok()) return queue_->refuse(syn.id, outlet.error().errno_value);
    asking_.emplace(syn.id, std::move(outlet).value());
}

void SynHolder::answered(const SynQueue::Syn& syn, OutletResult result) {
    const std::unordered_map<std::uint64_t, std::unique_ptr<Outlet>>::node_type outlet =
        asking_.extract(syn.id);
    if (result.stream == nullptr) {
        return queue_->refuse(syn.id, proto::pf_proxy::errno_of(result.status));
    }
    service_.prepared.put(syn.endpoints.source, syn.endpoints.destination, std::move(result.stream),
                          service_.loop.now());
    queue_->accept(syn.id);
}

}  // namespace pf_proxy
