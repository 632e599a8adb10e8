// eif: enclave images. Manual: eif(1).
#include "base/main.h"
#include "commands.h"

namespace {

using Run = base::Result<int> (*)(const base::Arguments&);

struct Entry {
    std::string_view name;
    Run run;
};

constexpr Entry kEntries[] = {
    {"build", eif::build}, {"show", eif::show},     {"measure", eif::measure},
    {"sign", eif::sign},   {"verify", eif::verify}, {"extract", eif::extract},
    {"diff", eif::diff},   {"cpio", eif::cpio},
};

base::Result<int> run(const base::Arguments& arguments) {
    for (const Entry& entry : kEntries) {
        if (entry.name == arguments.command->name) return entry.run(arguments);
    }
    return base::Error(base::ExitCode::internal, "a command without a function");
}

}  // namespace

int main(int argc, char** argv) {
    return base::tool_main(eif::kTool, argc, argv, run);
}
