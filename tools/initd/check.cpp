// Everything that is wrong at once, not only the first.
#include "check.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "environment.h"
#include "load.h"

namespace initd {

namespace {

base::Result<Tree> open_checked_tree(const std::string& folder) {
    struct stat status {};
    const bool rootfs = ::stat((folder + "/etc/enclavebox").c_str(), &status) == 0;
    Tree tree = TRY(open_tree(folder));
    tree.is_rootfs = rootfs;
    if (!rootfs) tree.folder = "";
    if (tree.shown.ends_with('/') && tree.shown.size() > 1) tree.shown.pop_back();
    return tree;
}

bool is_executable(const Tree& tree, const std::string& path) {
    struct open_how how {};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT;
    const base::Fd fd(
        static_cast<int>(::syscall(SYS_openat2, tree.root.get(), path.c_str(), &how, sizeof how)));
    struct stat status {};
    return fd.valid() && ::fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode) &&
           (status.st_mode & 0111) != 0;
}

// Empty when the program is there.
std::string missing_program(const Tree& tree, const LoadedService& service,
                            const std::string& program) {
    if (program.find('/') != std::string::npos) {
        const std::string path =
            program[0] == '/' ? program : service.settings.folder + "/" + program;
        return is_executable(tree, path) ? "" : fmt::format("{} is not an executable", program);
    }
    const auto environment = compose_environment(service.account, {}, service.file_environment,
                                                 service.settings.environment);
    for (const std::string& variable : environment) {
        if (!variable.starts_with("PATH=")) continue;
        for (const std::string_view part : base::split(std::string_view(variable).substr(5), ':')) {
            if (is_executable(tree, std::string(part) + "/" + program)) return "";
        }
    }
    return fmt::format("{} is not an executable in PATH", program);
}

}  // namespace

base::Result<int> check(const std::string& folder) {
    const Tree tree = TRY(open_checked_tree(folder));
    std::string problems, warnings;
    const auto system = load_system(tree);
    if (!system.ok()) problems += system.error().message + "\n";
    LoadedServices loaded = load_services(tree);
    for (const std::string& warning : loaded.warnings)
        warnings += "warning: " + warning + "\n";
    const auto file_of = [&](std::size_t index) {
        return fmt::format("{}{}/services/{}.yaml", tree.shown, tree.folder,
                           loaded.services[index].settings.name);
    };
    for (std::size_t index = 0; index < loaded.services.size(); ++index) {
        const LoadedService& service = loaded.services[index];
        if (!service.problem.empty()) {
            problems += service.problem + "\n";
        } else if (tree.is_rootfs && service.settings.enabled) {
            for (const auto* command :
                 {&service.settings.command, &service.settings.health.command}) {
                if (command->empty()) continue;
                const std::string missing = missing_program(tree, service, command->front());
                if (!missing.empty()) problems += fmt::format("{}: {}\n", file_of(index), missing);
            }
        }
    }
    for (const Order::Remark& failure : loaded.order.failures) {
        problems += fmt::format("{}: {}\n", file_of(failure.service), failure.text);
    }
    for (const Order::Remark& warning : loaded.order.warnings) {
        warnings += fmt::format("warning: {}: {}\n", file_of(warning.service), warning.text);
    }
    TRY(base::write_all(STDERR_FILENO, base::as_bytes(problems + warnings), "standard error"));
    if (!problems.empty()) return static_cast<int>(base::ExitCode::config);
    TRY(base::print(fmt::format("{}: {} service{}, no errors\n", folder, loaded.services.size(),
                                loaded.services.size() == 1 ? "" : "s")));
    return 0;
}

}  // namespace initd
