// eif cpio --list: the members of archives.
#pragma once

#include "base/options.h"
#include "base/result.h"

namespace eif {

base::Result<int> list_archives(const base::Arguments& arguments);

}  // namespace eif
