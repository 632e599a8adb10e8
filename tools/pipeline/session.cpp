// The life of a session: key, admission, evidence, user, end. Its streams are in
// session_tasks.cpp.
#include "session.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "admission.h"
#include "base/bytes.h"
#include "base/format.h"
#include "base/log.h"
#include "base/text.h"
#include "greeting.h"
#include "identity.h"
#include "jobs.h"
#include "nsm/open.h"
#include "processes.h"
#include "session_groups.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using base::Result;
using proto::pipeline::Fields;
using proto::pipeline::Kind;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kIdleTick{5'000};
constexpr milliseconds kListenerPatience{2'000};  // it writes a line for each datagram

std::optional<std::uint32_t> cid_of(const std::string& peer) {
    const Result<vsockio::Address> address = vsockio::parse_address(peer);
    if (!address.ok() || address.value().kind != vsockio::Address::Kind::vsock) return {};
    return address.value().cid;
}

}  // namespace

int run_session(SessionStart start) {
    Result<loop::Loop> loop = loop::Loop::create();
    if (!loop.ok()) return static_cast<int>(loop.error().code);
    Session session(loop.value(), std::move(start));
    const Result<int> status = session.run();
    if (status.ok()) return status.value();
    base::log::warning("session failed", {{"error", status.error().message}});
    return static_cast<int>(status.error().code);
}

Session::Session(loop::Loop& loop, SessionStart start)
    : loop_(loop), start_(std::move(start)), cid_(cid_of(start_.peer)) {}

Session::~Session() = default;

Result<int> Session::run() {
    TRY(begin());
    loop_.run();
    // What a program left behind, in whatever sessions and groups it hid, ends with the session.
    kill_descendants(job_watchers_);
    return 0;
}

Result<void> Session::begin() {
    become_subreaper();
    crypto::Tls tls = TRY(
        crypto::Tls::create(crypto::Tls::Side::server, start_.identity, std::move(start_.socket)));
    ConnectionLimits limits;
    limits.greeting = start_.settings.greeting_limit;
    connection_ =
        TRY(Connection::create(loop_, crypto::Tls::Side::server, std::move(tls), *this, limits));
    ending_ = TRY(loop::Signal::create(loop_, SIGTERM, [this](int) {
        end(Error(ExitCode::unavailable, "the server is ending"));
    }));
    sweeper_ = TRY(loop::Timer::create(loop_, [this] { sweep(); }));
    idle_ = TRY(loop::Timer::create(loop_, [this] { idle_check(); }));
    return {};
}

void Session::on_secure() {
    const Result<void> known = find_own_key();
    if (!known.ok()) refuse(known.error());
}

Result<void> Session::find_own_key() {
    const std::vector<std::byte> key = TRY(connection_->tls().peer_key());
    fingerprint_ = TRY(crypto::fingerprint(key));
    key_ = pipeline::find_key(start_.settings.keys, fingerprint_);
    if (key_ == nullptr) {
        return Error(ExitCode::refused, fmt::format("the key {} is not authorised", fingerprint_));
    }
    return {};
}

void Session::on_greeting(const Fields& fields) {
    if (key_ == nullptr) return;
    const Result<void> welcomed = welcome(fields);
    if (!welcomed.ok()) return refuse(welcomed.error());
    connection_->begin();
    if (start_.settings.idle_limit.count() > 0) idle_->start(kIdleTick, kIdleTick);
}

Result<void> Session::welcome(const Fields& fields) {
    const Hello hello = TRY(decode_hello(fields));
    others_ = TRY(ask_admission());
    // A listener that is gone keeps no audit any more.
    listener_gone_ = TRY(loop::Poll::create(loop_, start_.listener.get(), [this](int) {
        end(Error(ExitCode::unavailable, "the server has ended"));
    }));
    if (const std::optional<Refused> refused = refuse_connection(*key_, circumstances())) {
        return Error(ExitCode::refused, refused->reason);
    }
    const std::vector<std::byte> document = TRY(evidence(hello.nonce));
    TRY(become_user());
    listener_gone_->watch(loop::Poll::kReadable);
    connection_->greet(Kind::welcome, encode(Welcome{document, {}}));
    admitted_ = true;
    base::log::info("session", {{"peer", start_.peer},
                                {"key", fingerprint_},
                                {"comment", key_->comment},
                                {"client", hello.software}});
    return {};
}

// The listener answers at once: it does nothing that takes time.
Result<unsigned> Session::ask_admission() {
    std::vector<std::byte> question{kAskAdmission};
    const std::span<const std::byte> key = base::as_bytes(fingerprint_);
    question.insert(question.end(), key.begin(), key.end());
    std::byte answer[4];
    if (::send(start_.listener.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0) {
        return Error::system("ask", "the listener");
    }
    const ssize_t size = ::recv(start_.listener.get(), answer, sizeof answer, 0);
    if (size == sizeof answer) return base::load_be<std::uint32_t>(answer);
    if (size == 1 && answer[0] == kFull) {
        return Error(ExitCode::temporary, "the server has as many sessions as it may");
    }
    return Error(ExitCode::unavailable, "the server is ending");
}

Result<std::vector<std::byte>> Session::evidence(std::span<const std::byte> nonce) {
    const std::vector<std::byte> exporter = TRY(connection_->tls().exporter(kExporterLabel));
    const std::vector<std::byte> own_key = TRY(start_.identity.public_key());
    const std::unique_ptr<nsm::Module> module = TRY(nsm::open_module(start_.settings.module));
    nsm::AttestationRequest request;
    request.nonce.emplace(nonce.begin(), nonce.end());
    request.user_data = TRY(evidence_binding(nonce, exporter, own_key));
    return module->attest(request);
}

// What the key's user could not make itself is made before: a folder for jobs, and a group in which
// the user may make those of its programs. The listener removes it.
Result<void> Session::become_user() {
    const std::string user = key_->user.empty() ? std::to_string(::getuid()) : key_->user;
    const base::Account account = TRY(system_account(user));
    jobs_folder_ = TRY(make_jobs_folder(start_.settings.jobs_folder, account));
    if (key_->user.empty()) return {};
    enter_session_group(account);
    return become_for_good(account);
}

Result<void> Session::tell_listener(std::byte what, std::uint16_t stream, const AuditEvent& event) {
    std::vector<std::byte> datagram(1 + kStreamBytes);
    datagram[0] = what;
    base::store_be(std::span(datagram).subspan(1), stream);
    const std::vector<std::byte> encoded = encode_audit(event);
    datagram.insert(datagram.end(), encoded.begin(), encoded.end());
    pollfd writable{start_.listener.get(), POLLOUT, 0};
    (void)::poll(&writable, 1, static_cast<int>(kListenerPatience.count()));
    if (::send(start_.listener.get(), datagram.data(), datagram.size(),
               MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        return Error(ExitCode::unavailable, "the audit log does not answer");
    }
    return {};
}

// Told before anything is done: whoever kills this process leaves a line all the same.
Result<void> Session::audit_begin(const Served& served) {
    AuditEvent event;
    event.operation = served.operation;
    event.argument = served.argument;
    return tell_listener(kOperationBegun, served.stream, event);
}

// What cannot be told to the listener is not done either: the session ends.
void Session::audit_end(const Served& served, const TaskReport& report) {
    AuditEvent event;
    event.operation = served.operation;
    event.argument = served.argument;
    event.outcome = report.outcome;
    event.bytes = report.bytes;
    event.duration = loop_.now() - served.began;
    const Result<void> told = tell_listener(kOperationEnded, served.stream, event);
    if (!told.ok() && !over_) connection_->refuse(told.error());
}

Circumstances Session::circumstances() const {
    Circumstances now;
    now.now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    now.cid = cid_;
    now.others = others_ + running_jobs();
    return now;
}

void Session::refuse(const Error& error) {
    Served refused;
    refused.operation = "connect";
    refused.began = loop_.now();
    audit_end(refused, {error.message, 0});
    connection_->refuse(error);
}

void Session::on_lost(const Error& error) {
    if (!admitted_ && error.code != ExitCode::done && fingerprint_.empty()) {
        base::log::info("no session", {{"peer", start_.peer}, {"reason", error.message}});
    }
    over_ = true;
    sweeper_->start(milliseconds(0));
}

void Session::end(const Error& error) {
    listener_gone_->watch(0);
    for (const auto& served : served_) {
        if (!served->over) served->task->stop(error);
    }
    connection_->refuse(error);
}

void Session::idle_check() {
    if (connection_->streams() > 0) {
        last_busy_ = loop_.now();
    } else if (loop_.now() - last_busy_ >= start_.settings.idle_limit) {
        connection_->refuse(Error(
            ExitCode::unavailable,
            fmt::format("nothing was asked for {} s", start_.settings.idle_limit.count() / 1000)));
    }
}

void Session::sweep() {
    std::erase_if(served_, [](const auto& served) { return served->over; });
    if (!over_ || !served_.empty()) return;
    loop_.stop();
}

}  // namespace pipeline
