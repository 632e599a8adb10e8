// What a copy sends: a file, a folder with all in it, or a stream. Opened before the transfer
// begins, so that a wrong path is a plain error.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "jail.h"
#include "proto/copy.h"

namespace pipeline {

struct CopySource {
    base::Fd fd;
    struct stat status {};
    proto::copy::Shape shape = proto::copy::Shape::file;
    std::string name;     // the last name of the path; "data" when that is none
    bool stream = false;  // read to its end, however long: the source `-`
};

// A link at the top is followed if `follow` says so, else it is ELOOP; links inside never are.
// Devices, pipes and sockets are refused.
base::Result<CopySource> open_source(const Jail& jail, const std::string& path, bool follow);

// The descriptor may be anything readable; of a pipe or socket it must be non-blocking.
CopySource stream_source(base::Fd fd);

}  // namespace pipeline
