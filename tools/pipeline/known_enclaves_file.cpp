// Lock, read, change, replace.
#include "known_enclaves_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"

namespace pipeline {

namespace {

using base::Error;
using base::Result;

Result<void> make_folders(const std::string& path) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
        const std::string folder = path.substr(0, slash);
        if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
            return Error::system("make the folder", folder);
        }
    }
    return {};
}

// Whoever holds it reads and replaces a file in a moment, so that waiting is short.
Result<base::Fd> lock(const std::string& path) {
    const std::string name = path + ".lock";
    base::Fd fd = TRY(base::open_file(name, O_RDWR | O_CREAT, 0600));
    int locked;
    do {
        locked = ::flock(fd.get(), LOCK_EX);
    } while (locked != 0 && errno == EINTR);
    if (locked != 0) return Error::system("lock", name);
    return fd;
}

}  // namespace

std::string known_enclaves_path(std::string_view xdg_config_home, std::string_view home) {
    if (xdg_config_home.starts_with('/')) {
        return fmt::format("{}/enclavebox/known_enclaves", xdg_config_home);
    }
    if (home.starts_with('/')) return fmt::format("{}/.config/enclavebox/known_enclaves", home);
    return {};
}

Result<std::vector<KnownEnclave>> load_known(const std::string& path) {
    auto text = base::read_file(path, kMaxKnownBytes);
    if (!text.ok() && text.error().errno_value == ENOENT) return std::vector<KnownEnclave>();
    if (!text.ok()) return std::move(text).error();
    return parse_known(text.value(), path);
}

Result<void> remember(const std::string& path, const vsockio::Address& address,
                      const Measured& seen) {
    TRY(make_folders(path));
    const base::Fd locked = TRY(lock(path));
    const std::vector<KnownEnclave> known = remembered(TRY(load_known(path)), address, seen);
    base::OutputFile file = TRY(base::OutputFile::create(path, 0600));
    TRY(base::write_all(file.fd(), base::as_bytes(known_text(known)), path));
    return file.commit();
}

}  // namespace pipeline
