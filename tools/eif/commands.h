// The commands of eif(1), one function and one file each. Each returns the tool's exit code.
#pragma once

#include "base/options.h"
#include "base/result.h"

namespace eif {

extern const base::Tool kTool;

base::Result<int> build(const base::Arguments& arguments);
base::Result<int> show(const base::Arguments& arguments);
base::Result<int> measure(const base::Arguments& arguments);
base::Result<int> sign(const base::Arguments& arguments);
base::Result<int> verify(const base::Arguments& arguments);
base::Result<int> extract(const base::Arguments& arguments);
base::Result<int> diff(const base::Arguments& arguments);
base::Result<int> cpio(const base::Arguments& arguments);

}  // namespace eif
