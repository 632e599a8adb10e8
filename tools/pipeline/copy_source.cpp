// Opening sources.
#include "copy_source.h"

#include <fcntl.h>

#include "base/text.h"
#include "copy_destination.h"

namespace pipeline {

base::Result<CopySource> open_source(const Jail& jail, const std::string& path, bool follow) {
    const int link = follow ? 0 : O_NOFOLLOW;
    // Looked at before it is opened, as opening some devices does something.
    const base::Fd seen(jail.open(path, O_PATH | link));
    struct stat status {};
    if (!seen.valid() || ::fstat(seen.get(), &status) != 0) {
        return base::Error::system("open", path);
    }
    if (S_ISLNK(status.st_mode)) return base::Error::system("open", path, ELOOP);
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        return base::Error(base::ExitCode::data,
                           "cannot copy the special file " + base::quote(path));
    }
    CopySource source;
    source.fd = base::Fd(jail.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | link));
    if (!source.fd.valid() || ::fstat(source.fd.get(), &source.status) != 0) {
        return base::Error::system("open", path);
    }
    if (source.status.st_ino != status.st_ino || source.status.st_dev != status.st_dev) {
        return base::Error::system("open", path, EBUSY);
    }
    source.shape =
        S_ISDIR(source.status.st_mode) ? proto::copy::Shape::tree : proto::copy::Shape::file;
    source.name = source_name(path);
    if (source.name.empty()) source.name = "data";
    return source;
}

CopySource stream_source(base::Fd fd) {
    CopySource source;
    source.fd = std::move(fd);
    source.name = "data";
    source.stream = true;
    return source;
}

}  // namespace pipeline
