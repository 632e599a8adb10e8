// A service for bench/initd.sh: tells when it starts, by a line in a file, and then stays or dies.
//
//   LIFE_FILE  where the line goes: "start NANOSECONDS"
//   LIFE_MS    milliseconds until it dies, with "end NANOSECONDS" before; 0: it stays
//
// Both are given to the compiler, so that every supervisor can run it without arguments. With
// LIFE_FILE "" it only prints the time.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

namespace {

void tell(const char* what) {
    struct timespec now {};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    char line[64];
    const int length = std::snprintf(line, sizeof line, "%s %lld\n", what,
                                     now.tv_sec * 1'000'000'000LL + now.tv_nsec);
    const char* const file = LIFE_FILE;
    const int fd =
        *file == '\0' ? 1 : ::open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    [[maybe_unused]] const ssize_t written = ::write(fd, line, static_cast<size_t>(length));
    if (fd != 1) ::close(fd);
}

}  // namespace

int main() {
    tell("start");
    if (*LIFE_FILE == '\0') return 0;
    if (LIFE_MS == 0) {
        while (true)
            ::pause();
    }
    ::usleep(LIFE_MS * 1000);
    tell("end");
    return 1;
}
