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

Result<std::vector<KnownEnclave>> load_known(const std::string& path) {
    auto text = base::read_file(path, kMaxKnownBytes);
    if (!text.ok() && text.error().errno_value == ENOENT) return std::vector<KnownEnclave>();
    if (!text.ok()) return std::move(text).error();
    return parse_known(text.value(), path);
}

Result<void> remember(const std::string& path, const vsockio::Address& address,
                      const Measured& seen) {
    TRY(base::make_parents(path, 0700));
    const base::Fd locked = TRY(lock(path));
    const std::vector<KnownEnclave> known = remembered(TRY(load_known(path)), address, seen);
    base::OutputFile file = TRY(base::OutputFile::create(path, 0600));
    TRY(base::write_all(file.fd(), base::as_bytes(known_text(known)), path));
    return file.commit();
}

}  // namespace pipeline
