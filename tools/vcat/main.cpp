// vcat: netcat for the address forms of this suite. Manual: vcat(1).
#include "base/main.h"
#include "vcat.h"
#include "vsockio/dial.h"

namespace {

base::Result<int> run(const base::Arguments& arguments) {
    const vcat::Settings settings = TRY(vcat::parse_settings(arguments));
    if (settings.listen) return vcat::serve(settings);
    base::Fd connection = TRY(vsockio::dial(settings.address, settings.connect_timeout));
    if (!settings.command.empty()) {
        return vcat::run_command(std::move(connection), vsockio::to_string(settings.address),
                                 settings.command);
    }
    return vcat::relay_standard_streams(std::move(connection), settings.relay);
}

}  // namespace

int main(int argc, char** argv) {
    return base::tool_main(vcat::kTool, argc, argv, run);
}
