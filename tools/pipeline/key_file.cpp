// Making, finding and reading the user's key.
#include "key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/fd.h"
#include "base/file.h"
#include "base/format.h"
#include "base/main.h"
#include "base/text.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using base::Result;
using crypto::Identity;

namespace {

constexpr std::size_t kMaximumKeyBytes = std::size_t{16} * 1024;

Result<void> write_private(const std::string& path, std::string& pem) {
    // A key that is there is never replaced: images may have been built for it.
    base::Result<base::Fd> file =
        base::open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!file.ok()) {
        Error error = std::move(file).error();
        if (error.errno_value != EEXIST) return error;
        return Error(ExitCode::refused, fmt::format("there is a key in {} already", path))
            .with_hint("pipeline keygen --show prints its line; remove the file to make another");
    }
    const Result<void> written = base::write_all(file.value().get(), base::as_bytes(pem), path);
    crypto::wipe(pem);
    if (!written.ok() || ::fsync(file.value().get()) != 0) {
        (void)::unlink(path.c_str());
        return written.ok() ? Error::system("write", path) : written.error();
    }
    return {};
}

std::string default_comment() {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) return "pipeline";
    const char* user = std::getenv("USER");
    return fmt::format("{}@{}", user == nullptr ? "root" : user, host.data());
}

}  // namespace

Result<std::string> config_folder() {
    const char* configuration = std::getenv("XDG_CONFIG_HOME");
    if (configuration != nullptr && configuration[0] == '/') {
        return fmt::format("{}/enclavebox", configuration);
    }
    const char* home = std::getenv("HOME");
    if (home == nullptr || home[0] != '/') {
        return Error(ExitCode::config, "there is no home folder to keep a key in")
            .with_hint("set HOME, or name the files by --key and --known-enclaves");
    }
    return fmt::format("{}/.config/enclavebox", home);
}

Result<std::string> config_file(std::string_view option, std::string_view name) {
    if (!option.empty()) return std::string(option);
    return fmt::format("{}/{}", TRY(config_folder()), name);
}

Result<Identity> load_key(const std::string& path) {
    base::Result<base::Fd> file = base::open_file(path, O_RDONLY);
    if (!file.ok()) {
        return std::move(file).error().with_hint("pipeline keygen makes a key");
    }
    struct stat status {};
    if (::fstat(file.value().get(), &status) != 0) return Error::system("read", path);
    if ((status.st_mode & 077) != 0) {
        return Error(ExitCode::refused, fmt::format("others may read the key in {}", path))
            .with_hint(fmt::format("chmod 600 {}", path));
    }
    std::string pem = TRY(base::read_file(path, kMaximumKeyBytes));
    Result<Identity> identity = Identity::from_pem(pem, path);
    crypto::wipe(pem);
    return identity;
}

Result<std::string> key_line(const Identity& identity, std::string_view comment) {
    const std::vector<std::byte> key = TRY(identity.public_key());
    std::string line = TRY(crypto::fingerprint(key));
    if (!comment.empty()) line += fmt::format(" {}", base::escape(comment));
    return line + "\n";
}

Result<int> keygen(const base::Arguments& arguments) {
    TRY(arguments.expect_operands(0, 0));
    const std::string path = TRY(config_file(arguments.value("output"), kKeyFile));
    const std::string comment =
        arguments.has("comment") ? std::string(arguments.value("comment")) : default_comment();
    if (arguments.has("show")) {
        const Identity identity = TRY(load_key(path));
        std::string line = TRY(key_line(identity, comment));
        // The comment that was once chosen, unless there is a new one.
        const Result<std::string> kept = base::read_file(path + ".pub", kMaximumKeyBytes);
        const std::string_view fingerprint(line.data(), line.find_first_of(" \n"));
        if (!arguments.has("comment") && kept.ok() && kept->starts_with(fingerprint)) {
            line = kept.value();
        }
        TRY(base::print(line));
        return 0;
    }
    const Identity identity = TRY(Identity::generate());
    const std::string line = TRY(key_line(identity, comment));
    std::string pem = TRY(identity.to_pem());
    TRY(base::make_parents(path, 0700));
    TRY(write_private(path, pem));
    base::OutputFile public_half = TRY(base::OutputFile::create(path + ".pub"));
    TRY(base::write_all(public_half.fd(), base::as_bytes(line), public_half.path()));
    TRY(public_half.commit());
    TRY(base::print(line));
    return 0;
}

}  // namespace pipeline
