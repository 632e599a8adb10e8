// The socket's side of initctl.
#include "client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/text.h"
#include "output.h"

namespace initctl {

namespace {

using base::Error;
using base::ExitCode;
using base::Fd;
using base::Result;
using proto::control::Decoded;
using proto::control::FieldId;
using proto::control::Frame;
using proto::control::FrameWriter;
using proto::control::kCurrentVersion;
using proto::control::kHeaderBytes;
using proto::control::kMaximumPayload;
using proto::control::kMinimumVersion;
using std::chrono::milliseconds;

// pipeline's own deadline passes first, and it says what it was waiting for.
constexpr milliseconds kRemoteMargin{5'000};

Error refusal(const Frame& frame) {
    const std::uint64_t code = frame.number(FieldId::code).value_or(0);
    const bool sound = code >= 1 && code <= static_cast<std::uint64_t>(ExitCode::not_found);
    return Error(sound ? static_cast<ExitCode>(code) : ExitCode::protocol,
                 without_controls(frame.text(FieldId::text).value_or("initd says no")));
}

}  // namespace

Result<Client> Client::connect(const std::string& path, milliseconds timeout) {
    struct sockaddr_un address {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return Error::usage(fmt::format("--socket: {} is too long", base::quote(path)));
    }
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return Error::system("create a socket", "");
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        // A Unix socket does not tell when a full queue has room again.
        if (errno == EAGAIN && std::chrono::steady_clock::now() < deadline) {
            ::poll(nullptr, 0, 10);
            continue;
        }
        if (errno == EINTR) continue;
        return Error(ExitCode::unavailable, Error::system("reach initd at", path).message,
                     "is initd PID 1 here?");
    }
    Client client(std::move(fd), timeout);
    TRY(client.greet());
    return client;
}

Result<Client> Client::connect(const Remote::Call& call, milliseconds timeout) {
    Client client(TRY(Remote::start(call)), call.connect_timeout + kRemoteMargin);
    TRY(client.greet());
    client.timeout_ = timeout;
    return client;
}

Error Client::closed() {
    if (!remote_.has_value()) return Error(ExitCode::unavailable, "initd closed the connection");
    const int status = remote_->wait();
    if (greeted_ || status == 0) {
        return Error(status == 0 ? ExitCode::unavailable : static_cast<ExitCode>(status),
                     "the connection to the enclave is gone");
    }
    return Error(static_cast<ExitCode>(status), "");
}

Result<void> Client::greet() {
    // Who is refused at once may not be able to send any more, but can read why.
    const Result<void> sent = send(Kind::hello, [](FrameWriter& frame) {
        frame.number(FieldId::minimum_version, kMinimumVersion);
        frame.number(FieldId::current_version, kCurrentVersion);
    });
    const Decoded decoded = TRY(next(false));
    if (decoded.outcome != Decoded::Outcome::frame) return closed();
    if (decoded.frame.kind() == Kind::failed) return refusal(decoded.frame);
    if (decoded.frame.kind() != Kind::welcome) {
        return Error(ExitCode::protocol, "initd does not say welcome");
    }
    greeted_ = true;
    return sent;
}

Result<void> Client::send(Kind kind, const Fill& fill) {
    std::array<std::byte, kHeaderBytes + proto::control::kMaximumRequestPayload> memory;
    FrameWriter writer(memory, kind);
    if (fill) fill(writer);
    if (!writer.ok()) return Error::usage("the request is too long");
    std::span<const std::byte> rest = writer.finish();
    while (!rest.empty()) {
        const ssize_t sent = ::send(socket(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            rest = rest.subspan(static_cast<std::size_t>(sent));
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return closed();
        struct pollfd poll {
            socket(), POLLOUT, 0
        };
        if (::poll(&poll, 1, static_cast<int>(timeout_.count())) == 0) {
            return Error(ExitCode::unavailable, "initd does not take the request");
        }
    }
    return {};
}

Result<bool> Client::receive(bool endless) {
    struct pollfd poll {
        socket(), POLLIN, 0
    };
    int ready;
    do {
        ready = ::poll(&poll, 1, endless ? -1 : static_cast<int>(timeout_.count()));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) {
        return Error(ExitCode::temporary,
                     fmt::format("no answer within {}", base::format_duration(timeout_)));
    }
    std::array<std::byte, 16 * 1024> memory;
    ssize_t count;
    do {
        count = ::recv(socket(), memory.data(), memory.size(), 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno != ECONNRESET) return Error::system("read from initd", "");
    if (count > 0) received_.insert(received_.end(), memory.data(), memory.data() + count);
    return count > 0;
}

// The outcome need_more means the end of the connection. The frame is valid until the next call.
Result<Decoded> Client::next(bool endless) {
    while (true) {
        Decoded decoded = proto::control::decode(std::span(received_).subspan(used_));
        if (decoded.outcome == Decoded::Outcome::bad) {
            return Error(ExitCode::protocol,
                         fmt::format("initd sent a bad frame: {}", decoded.bad_because));
        }
        if (decoded.outcome == Decoded::Outcome::frame) {
            used_ += decoded.used_bytes;
            return decoded;
        }
        received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(used_));
        used_ = 0;
        if (!TRY(receive(endless))) return decoded;
    }
}

Result<void> Client::ask(Kind kind, const Fill& fill, const Visit& visit, bool endless,
                         std::string* done_text) {
    TRY(send(kind, fill));
    while (true) {
        const Decoded decoded = TRY(next(endless));
        if (decoded.outcome == Decoded::Outcome::need_more) {
            if (endless && (!remote_.has_value() || remote_->wait() == 0)) return {};
            return closed();
        }
        switch (decoded.frame.kind()) {
            case Kind::done:
                if (done_text != nullptr) {
                    *done_text = decoded.frame.text(FieldId::text).value_or("");
                }
                return {};
            case Kind::failed: return refusal(decoded.frame);
            default:
                if (visit) TRY(visit(decoded.frame));
        }
    }
}

}  // namespace initctl
