// What PID 1 does to the machine at boot besides mounting: driver, entropy, heartbeat, loopback,
// name, sysctl, limits. Each returns an Error instead of logging; boot.cpp decides.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "settings.h"

namespace initd {

// PID 1 of a PID namespace, not of a machine: ends by exit, not by reboot(2).
bool in_container();

bool has_nsm();

// Loads the module at `path` and removes the file. False when there is none.
base::Result<bool> load_module(const std::string& path);

// Feeds the kernel's pool from /dev/hwrng with credit, after making sure that the NSM is what
// answers there. Returns the bits credited. No CBOR is spoken: the driver does that.
base::Result<unsigned> feed_entropy();

// Sends 0xB7 to the parent and expects it back. Returns the CID that answered.
base::Result<unsigned> send_heartbeat(std::chrono::milliseconds timeout);

base::Result<void> bring_up_loopback();
base::Result<void> write_sysctl(const std::string& name, const std::string& value);
base::Result<void> set_resource_limit(const ResourceLimit& limit);

}  // namespace initd
