// The file systems PID 1 mounts, before and after the switch to /rootfs.
//
// Everything is nosuid; /proc hides other users' processes; /run, /dev/shm, /sys and /proc are
// noexec and nodev; /sys becomes read-only; /tmp is nodev but may hold programs unless initd.yaml
// says otherwise, as build tools and language run times expect it. Failures are logged and
// survived: in a container much of it is there already, or may not be done.
#pragma once

#include "journal.h"
#include "settings.h"

namespace initd {

// /dev, /proc and /sys.
void mount_kernel_filesystems(Journal& journal);

// /dev/pts, /dev/shm, /run, /tmp, and the links /dev/fd, /dev/stdin, /dev/stdout, /dev/stderr.
void mount_for_services(const SystemSettings& settings, Journal& journal);

// From now on nothing can be written in /sys but in the cgroups mounted there. To be called when
// all that is configured there has been.
base::Result<void> protect_sys();

// Makes /rootfs the root, taking the mounts above along. What was the root stays in memory, out
// of reach. False when there is no /rootfs.
base::Result<bool> switch_root(Journal& journal);

// Everything that can be unmounted is, the last first; the rest becomes read-only.
void unmount_all(Journal& journal);

}  // namespace initd
