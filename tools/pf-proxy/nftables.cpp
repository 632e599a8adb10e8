// libnftables behind one function.
#include "nftables.h"

#include <nftables/libnftables.h>
#include <memory>

#include "base/format.h"
#include "base/text.h"

namespace pf_proxy {

using base::Error;
using base::ExitCode;
using base::Result;

namespace {

struct Closer {
    void operator()(nft_ctx* context) const { ::nft_ctx_free(context); }
};

}  // namespace

Result<void> run_nftables(const std::string& text) {
    const std::unique_ptr<nft_ctx, Closer> context(::nft_ctx_new(NFT_CTX_DEFAULT));
    if (context == nullptr || ::nft_ctx_buffer_error(context.get()) != 0 ||
        ::nft_ctx_buffer_output(context.get()) != 0) {
        return Error(ExitCode::os, "cannot start nftables");
    }
    if (::nft_run_cmd_from_buffer(context.get(), text.c_str()) == 0) return {};
    const char* told = ::nft_ctx_get_error_buffer(context.get());
    const std::string_view said = told == nullptr ? std::string_view() : told;
    const std::string_view line = said.substr(0, said.find('\n'));
    return Error(ExitCode::os, fmt::format("nftables refuses the ruleset: {}",
                                           base::escape(line.empty() ? "no reason given" : line)));
}

}  // namespace pf_proxy
