// The near side's first word on a connection: asks the far side while the SYN is held, so that the
// application's connect() tells what became of it. The stream with a good answer waits in
// Service::prepared for the session that follows. What is refused never becomes a session.
#pragma once

#include <memory>
#include <unordered_map>

#include "base/result.h"
#include "outlet.h"
#include "service.h"
#include "syn_queue.h"

namespace pf_proxy {

class SynHolder {
  public:
    // The service must outlive it. Errors as SynQueue::create().
    static base::Result<std::unique_ptr<SynHolder>> create(Service& service);

  private:
    explicit SynHolder(Service& service) : service_(service) {}
    void asked(const SynQueue::Syn& syn);
    void answered(const SynQueue::Syn& syn, OutletResult result);

    Service& service_;
    std::unique_ptr<SynQueue> queue_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Outlet>> asking_;  // by the Syn's id
};

}  // namespace pf_proxy
