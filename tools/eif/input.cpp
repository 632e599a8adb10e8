// Opening, spooling and reading inputs.
#include "input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"

namespace eif {

base::Result<void> Input::read_at(std::uint64_t offset, std::span<std::byte> to) const {
    while (!to.empty()) {
        const ssize_t count = ::pread(fd.get(), to.data(), to.size(), static_cast<off_t>(offset));
        if (count < 0) {
            if (errno == EINTR) continue;
            return base::Error::system("read", name);
        }
        if (count == 0) {
            return base::Error(
                base::ExitCode::temporary,
                fmt::format("{} became shorter while it was read", base::quote(name)));
        }
        to = to.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

base::Result<Input> open_input(const std::string& path) {
    Input input;
    input.name = path == "-" ? "standard input" : path;
    input.fd =
        path == "-" ? TRY(base::duplicate(STDIN_FILENO)) : TRY(base::open_file(path, O_RDONLY));
    struct stat status {};
    if (::fstat(input.fd.get(), &status) != 0) return base::Error::system("read", input.name);
    if (S_ISDIR(status.st_mode)) return base::Error::system("read", input.name, EISDIR);
    // A redirected file may stand at any offset; only a named one is read in place.
    if (S_ISREG(status.st_mode) && path != "-") {
        input.size = static_cast<std::uint64_t>(status.st_size);
        return input;
    }
    base::Fd spool = TRY(make_spool());
    input.size = TRY(copy_to_spool(input.fd.get(), spool.get(), input.name));
    input.fd = std::move(spool);
    return input;
}

base::Result<base::Fd> make_spool() {
    const char* variable = std::getenv("TMPDIR");
    const std::string folder = variable != nullptr && *variable != '\0' ? variable : "/var/tmp";
    base::Fd nameless(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600));
    if (nameless.valid()) return nameless;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
        return base::Error::system("make a temporary file in", folder);
    }
    std::string name = folder + "/.eif.XXXXXX";
    base::Fd fd(::mkostemp(name.data(), O_CLOEXEC));
    if (!fd.valid()) return base::Error::system("make a temporary file in", folder);
    ::unlink(name.c_str());
    return fd;
}

base::Result<std::uint64_t> copy_to_spool(int from, int spool, std::string_view name) {
    std::vector<std::byte> buffer(256 * 1024);
    std::uint64_t copied = 0;
    while (true) {
        const std::size_t count = TRY(base::read_full(from, buffer, name));
        TRY(base::write_all(spool, std::span(buffer).first(count), "a temporary file"));
        copied += count;
        if (count < buffer.size()) return copied;
    }
}

base::Result<void> refuse_same_file(const Input& input, const std::string& output_path) {
    struct stat from {};
    struct stat to {};
    if (output_path == "-" || ::stat(output_path.c_str(), &to) != 0) return {};
    if (::fstat(input.fd.get(), &from) != 0) return base::Error::system("read", input.name);
    if (from.st_dev != to.st_dev || from.st_ino != to.st_ino) return {};
    return base::Error::usage(fmt::format("{} is both input and output", base::quote(output_path)),
                              "write to another name");
}

}  // namespace eif
