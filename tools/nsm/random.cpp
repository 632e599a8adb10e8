// nsm random.

#include "base/format.h"
#include "base/text.h"
#include "commands.h"

namespace nsm_tool {

using base::Error;
using base::Result;

namespace {

// The module gives some 256 bytes a call; who wants more seeds a generator with them.
constexpr std::uint64_t kMaximumBytes = 1 << 20;

}  // namespace

Result<std::string> random(const base::Arguments& arguments, const Opener& open) {
    TRY(arguments.expect_operands(1, 1));
    const std::uint64_t wanted = TRY(base::parse_number(arguments.operands[0], 1, kMaximumBytes));
    if (arguments.has("raw") && arguments.has("hex")) {
        return Error::usage("--raw and --hex exclude each other");
    }
    const auto module = TRY(open());
    std::vector<std::byte> bytes;
    while (bytes.size() < wanted) {
        const std::vector<std::byte> more = TRY(module->random());
        if (more.empty()) {
            return Error(base::ExitCode::protocol, "the NSM gives no random bytes");
        }
        bytes.insert(bytes.end(), more.begin(), more.end());
    }
    bytes.resize(static_cast<std::size_t>(wanted));
    if (arguments.has("raw")) return std::string(base::as_text(bytes));
    return base::to_hex(bytes) + "\n";
}

}  // namespace nsm_tool
