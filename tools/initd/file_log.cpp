// Both ends of the socket: batches out of the ring, and the process that writes them.
#include "file_log.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/signals.h"
#include "cage.h"
#include "log_file.h"

namespace initd {

namespace {

constexpr std::size_t kBatchBytes = 64 * 1024;
constexpr std::size_t kHeadBytes = 320;  // of lines of our own before a batch
constexpr std::chrono::seconds kRestartDelay(1);

// Nothing but the socket, as descriptor 3, and no rights beyond those of a file's owner.
bool become_harmless(int socket) {
    if (::dup2(socket, 3) < 0 || ::syscall(SYS_close_range, 4U, ~0U, 0U) != 0) return false;
    for (const int fd : {0, 1, 2})
        ::close(fd);
    base::reset_signals();  // a crash here is none of PID 1
    ::prctl(PR_SET_NAME, "initd-log", 0, 0, 0);
    ::umask(027);
    Confinement confinement;
    confinement.capabilities = 0;
    const Cage cage(confinement);
    return cage.enter() == Step::none && cage.take_capabilities() == Step::none &&
           ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

}  // namespace

FileLog::FileLog(const LogTarget& target, const std::string& service, const Ring& ring,
                 Journal& journal, Reactor& reactor)
    : target_(target),
      service_(service),
      ring_(ring),
      journal_(journal),
      reactor_(reactor),
      cursor_(ring.oldest()) {}

FileLog::~FileLog() {
    disconnect();
}

void FileLog::disconnect() {
    if (!socket_.valid()) return;
    reactor_.forget(socket_.get());
    socket_.reset();  // at its end the writer goes
    if (pending_) maybe_repeated_ = std::max(maybe_repeated_, batch_lines_);
    pending_.reset();
}

bool FileLog::finished() const {
    return !pending_ && cursor_.offset == ring_.newest().offset;
}

std::optional<FileLog::Time> FileLog::next_deadline() const {
    if (socket_.valid() || finished()) return std::nullopt;
    return next_start_;
}

bool FileLog::collect(pid_t pid) {
    if (pid != writer_) return false;
    writer_ = -1;
    disconnect();
    return true;
}

bool FileLog::start(Time now) {
    if (now < next_start_) return false;
    next_start_ = now + kRestartDelay;
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        note_outcome(errno);
        return false;
    }
    base::Fd ours(ends[0]), theirs(ends[1]);
    const pid_t pid = ::fork();
    if (pid == 0) be_writer(theirs.get());
    if (pid < 0) {
        note_outcome(errno);
        return false;
    }
    if (!reactor_.watch(ours.get(), EPOLLIN, *this).ok()) return false;
    writer_ = pid;
    socket_ = std::move(ours);
    return true;
}

void FileLog::flush(Time now) {
    if (pending_) return;
    Ring::Cursor next = cursor_;
    const Ring::Loss loss = ring_.catch_up(next);
    const auto lines = ring_.lines(next, kBatchBytes);
    if (loss.bytes == 0 && lines[0].empty()) return;
    if (!socket_.valid() && !start(now)) return;
    std::array<char, kHeadBytes> head;
    std::size_t head_bytes = 0;
    if (maybe_repeated_ > 0) head_bytes = put_repeat(head);
    if (loss.bytes > 0) {
        head_bytes +=
            put_loss(journal_.format(), wall_clock(), loss, std::span(head).subspan(head_bytes));
    }
    std::array<struct iovec, 3> parts{};
    parts[0] = {head.data(), head_bytes};
    for (std::size_t index = 0; index < lines.size(); ++index)
        parts[index + 1] = {const_cast<char*>(lines[index].data()), lines[index].size()};
    struct msghdr message {};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    if (::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        // No memory now, or nobody there any more: the next turn tries again, or starts another.
        if (errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM && errno != EINTR) disconnect();
        return;
    }
    const std::uint64_t lines_before = next.lines;
    ring_.advance(next, lines[0].size());
    ring_.advance(next, lines[1].size());
    batch_lines_ = next.lines - lines_before + (loss.bytes > 0 ? 1 : 0);
    pending_ = next;
}

std::size_t FileLog::put_repeat(std::span<char> to) const {
    std::array<char, 32> time;
    const struct timespec now = wall_clock();
    const std::size_t time_bytes = format_time(now.tv_sec, now.tv_nsec, time.data());
    std::array<char, 96> text;
    const auto end = fmt::format_to_n(text.data(), text.size(),
                                      "the last {} lines may come again, or be counted as lost",
                                      maybe_repeated_);
    return put_note(journal_.format(), {time.data(), time_bytes}, "repeated",
                    {text.data(), std::min(end.size, text.size())}, to);
}

void FileLog::on_ready(std::uint32_t) {
    int errno_value = 0;
    const ssize_t count = ::recv(socket_.get(), &errno_value, sizeof errno_value, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count != static_cast<ssize_t>(sizeof errno_value) || !pending_) return disconnect();
    cursor_ = *pending_;
    pending_.reset();
    maybe_repeated_ = 0;
    note_outcome(errno_value);
}

// Says so when it begins and when it ends, not for every line.
void FileLog::note_outcome(int errno_value) {
    if (errno_value == last_errno_) return;
    last_errno_ = errno_value;
    if (errno_value == 0)
        journal_.info("service {}: the log is written to '{}' again", service_, target_.path);
    else
        journal_.warning("service {}: cannot write the log to '{}': {}; its lines are lost",
                         service_, target_.path, std::strerror(errno_value));
}

void FileLog::be_writer(int socket) const {
    constexpr int kSocket = 3;
    if (!become_harmless(socket)) ::_exit(1);
    LogFile file(target_, journal_.format());
    static std::array<char, kHeadBytes + kBatchBytes + kLongestEntry> batch;
    while (true) {
        const ssize_t count = ::recv(kSocket, batch.data(), batch.size(), 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) ::_exit(0);
        const int failed =
            file.write({batch.data(), static_cast<std::size_t>(count)}, wall_clock());
        if (::send(kSocket, &failed, sizeof failed, MSG_NOSIGNAL) != sizeof failed) ::_exit(0);
    }
}

}  // namespace initd
