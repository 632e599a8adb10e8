// Answers what a client may know: the server's version, and what its key may do.
#pragma once

#include "authorized_keys.h"
#include "task.h"

namespace pipeline {

class InfoTask : public Task {
  public:
    InfoTask(const AuthorizedKey& key, unsigned others) : key_(key), others_(others) {}

  protected:
    base::Result<void> start() override;

  private:
    const AuthorizedKey& key_;
    unsigned others_;
};

}  // namespace pipeline
