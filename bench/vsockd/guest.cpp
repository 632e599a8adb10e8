// PID 1 of the measuring guest: does what lines on vsock port 1 say. The host takes the time.
// Static, alone in its ramdisk. Not part of any product.
//
//   send CID PORT BYTES WRITE    connect, send so many bytes in writes of that size after a word
//                                that says how many, wait for the peer's one byte
//   receive CID PORT [SECONDS]   connect, wait, read to the end
//   ping CID PORT COUNT SIZE     connect, send SIZE bytes and read them back, COUNT times
//   poweroff
//
// The answer to each: "ok BYTES\n", or "failed STEP ERRNO\n".
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

char buffer[1 << 20];

struct Outcome {
    const char* failed = nullptr;
    std::uint64_t bytes = 0;
};

int vsock_to(unsigned cid, unsigned port) {
    const int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = cid;
    address.svm_port = port;
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    close(fd);
    return -1;
}

bool send_all(int fd, const char* from, std::size_t size) {
    while (size > 0) {
        const ssize_t count = send(fd, from, size, MSG_NOSIGNAL);
        if (count <= 0) return false;
        from += count;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

Outcome read_to_end(int fd) {
    Outcome outcome;
    ssize_t count = 0;
    while ((count = read(fd, buffer, sizeof buffer)) > 0) {
        outcome.bytes += static_cast<std::uint64_t>(count);
    }
    if (count < 0) outcome.failed = "read";
    return outcome;
}

Outcome send_bytes(int fd, std::uint64_t bytes, std::size_t write_size) {
    Outcome outcome;
    if (!send_all(fd, reinterpret_cast<const char*>(&bytes), sizeof bytes)) return {"send", 0};
    while (outcome.bytes < bytes) {
        const std::uint64_t left = bytes - outcome.bytes;
        const std::size_t size = left < write_size ? static_cast<std::size_t>(left) : write_size;
        if (!send_all(fd, buffer, size)) return {"send", outcome.bytes};
        outcome.bytes += size;
    }
    // No half-close: not every back end carries it.
    if (recv(fd, buffer, 1, MSG_WAITALL) != 1) return {"recv", outcome.bytes};
    return outcome;
}

Outcome ping(int fd, std::uint64_t count, std::size_t size) {
    Outcome outcome;
    for (; count > 0; --count) {
        if (!send_all(fd, buffer, size)) return {"send", outcome.bytes};
        if (recv(fd, buffer, size, MSG_WAITALL) != static_cast<ssize_t>(size)) {
            return {"recv", outcome.bytes};
        }
        outcome.bytes += size;
    }
    return outcome;
}

Outcome obey(const char* line) {
    char verb[16];
    unsigned cid = 0;
    unsigned port = 0;
    unsigned long long first = 0;
    unsigned long long second = 0;
    const int words = sscanf(line, "%15s %u %u %llu %llu", verb, &cid, &port, &first, &second);
    if (words == 1 && strcmp(verb, "poweroff") == 0) reboot(RB_POWER_OFF);
    if (words < 3 || second > sizeof buffer) return {"understand", 0};
    const int fd = vsock_to(cid, port);
    if (fd < 0) return {"connect", 0};
    Outcome outcome{"understand", 0};
    if (strcmp(verb, "send") == 0) outcome = send_bytes(fd, first, second);
    if (strcmp(verb, "receive") == 0) {
        sleep(static_cast<unsigned>(first));
        outcome = read_to_end(fd);
    }
    if (strcmp(verb, "ping") == 0) outcome = ping(fd, first, second);
    const int saved = errno;
    close(fd);
    errno = saved;
    return outcome;
}

void serve(int fd) {
    char line[128] = "";
    std::size_t length = 0;
    while (length + 1 < sizeof line && strchr(line, '\n') == nullptr) {
        const ssize_t count = read(fd, line + length, sizeof line - 1 - length);
        if (count <= 0) return;
        length += static_cast<std::size_t>(count);
    }
    const Outcome outcome = obey(line);
    char answer[128];
    if (outcome.failed != nullptr) {
        snprintf(answer, sizeof answer, "failed %s %d\n", outcome.failed, errno);
    } else {
        snprintf(answer, sizeof answer, "ok %llu\n",
                 static_cast<unsigned long long>(outcome.bytes));
    }
    send_all(fd, answer, strlen(answer));
}

}  // namespace

int main() {
    mkdir("/dev", 0755);
    mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr);
    const int console = open("/dev/console", O_RDWR);
    if (console >= 0) {
        for (int fd = 0; fd < 3; ++fd)
            dup2(console, fd);
    }
    signal(SIGCHLD, SIG_IGN);
    const int listener = socket(AF_VSOCK, SOCK_STREAM, 0);
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = VMADDR_CID_ANY;
    address.svm_port = 1;
    if (listener < 0 ||
        bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener, 128) != 0) {
        perror("guest: cannot listen");
        reboot(RB_POWER_OFF);
    }
    puts("guest: listening");
    while (true) {
        const int fd = accept(listener, nullptr, nullptr);
        if (fd < 0) continue;
        if (fork() == 0) {
            serve(fd);
            _exit(0);
        }
        close(fd);
    }
}
