// Reading a request, writing the text.
#include "metrics_server.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/format.h"

namespace pf_proxy {

using base::Result;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kMostReaders = 16;
constexpr std::size_t kMostRequestBytes = 8192;
constexpr milliseconds kLimit{5'000};

}  // namespace

struct MetricsServer::Reader {
    base::Fd fd;
    std::string request;
    std::string answer;  // what of it is not written yet
    bool answering = false;
    std::optional<loop::Poll> poll;
    std::optional<loop::Timer> timer;
};

MetricsServer::MetricsServer(loop::Loop& loop, std::span<const Metrics> metrics)
    : loop_(loop), metrics_(metrics) {}

MetricsServer::~MetricsServer() = default;

Result<std::unique_ptr<MetricsServer>> MetricsServer::create(loop::Loop& loop,
                                                             vsockio::Listener listener,
                                                             std::span<const Metrics> metrics) {
    std::unique_ptr<MetricsServer> server(new MetricsServer(loop, metrics));
    MetricsServer* self = server.get();
    server->acceptor_ = TRY(Acceptor::create(
        loop, std::move(listener),
        [self] { return milliseconds(self->readers_.size() < kMostReaders ? 0 : 100); },
        [self](vsockio::Connection connection) { self->accepted(std::move(connection)); },
        [](const std::string&) {}));
    return server;
}

void MetricsServer::accepted(vsockio::Connection connection) {
    auto reader = std::make_unique<Reader>();
    Reader* raw = reader.get();
    reader->fd = std::move(connection.fd);
    Result<loop::Poll> poll =
        loop::Poll::create(loop_, raw->fd.get(), [this, raw](int) { ready(*raw); });
    Result<loop::Timer> timer = loop::Timer::create(loop_, [this, raw] { readers_.erase(raw); });
    if (!poll.ok() || !timer.ok()) return;
    reader->poll = std::move(poll).value();
    reader->timer = std::move(timer).value();
    reader->poll->watch(loop::Poll::kReadable);
    reader->timer->start(kLimit);
    readers_.emplace(raw, std::move(reader));
}

void MetricsServer::ready(Reader& reader) {
    char bytes[4096];
    const auto blocked = [] { return errno == EAGAIN || errno == EINTR; };
    if (!reader.answering) {
        const ssize_t count = ::recv(reader.fd.get(), bytes, sizeof bytes, MSG_DONTWAIT);
        if (count < 0 && blocked()) return;
        if (count > 0) reader.request.append(bytes, static_cast<std::size_t>(count));
        const bool whole = reader.request.find("\r\n\r\n") != std::string::npos ||
                           reader.request.find("\n\n") != std::string::npos;
        if (!whole && count > 0 && reader.request.size() < kMostRequestBytes) return;
        if (!whole) {
            readers_.erase(&reader);
            return;
        }
        const std::string text = prometheus_text(metrics_);
        reader.answer = fmt::format(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
            "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
            text.size(), text);
        reader.answering = true;
    }
    while (!reader.answer.empty()) {
        const ssize_t count = ::send(reader.fd.get(), reader.answer.data(), reader.answer.size(),
                                     MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && blocked()) return reader.poll->watch(loop::Poll::kWritable);
        if (count < 0) break;
        reader.answer.erase(0, static_cast<std::size_t>(count));
    }
    readers_.erase(&reader);
}

}  // namespace pf_proxy
