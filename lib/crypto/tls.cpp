// TLS 1.3 with OpenSSL, over a BIO of our own that gathers what is written.
#include "crypto/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "crypto/failure.h"

namespace crypto {

namespace {

constexpr std::size_t kWriteBytes = std::size_t{64} * 1024;
// Four records with their headers and tags come in by one read(2).
constexpr std::size_t kReadBytes = std::size_t{66} * 1024;
// A certificate of ours has about 300 bytes.
constexpr long kMaximumCertificateList = 4096;

struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSession {
    void operator()(SSL* session) const { SSL_free(session); }
};
struct FreeCertificate {
    void operator()(X509* certificate) const { X509_free(certificate); }
};
using Certificate = std::unique_ptr<X509, FreeCertificate>;

// Both ends of the socket side: reads straight from the descriptor, collects what is written.
struct Wire {
    base::Fd socket;
    std::vector<std::byte> outbox;
    std::size_t sent = 0;  // of the outbox
    int read_error = 0;    // errno of a failed read
    bool read_end = false;
};

Wire& wire_of(BIO* bio) {
    return *static_cast<Wire*>(BIO_get_data(bio));
}

int wire_write(BIO* bio, const char* bytes, std::size_t size, std::size_t* written) {
    Wire& wire = wire_of(bio);
    const auto* from = reinterpret_cast<const std::byte*>(bytes);
    wire.outbox.insert(wire.outbox.end(), from, from + size);
    *written = size;
    return 1;
}

int wire_read(BIO* bio, char* bytes, std::size_t size, std::size_t* got) {
    Wire& wire = wire_of(bio);
    BIO_clear_retry_flags(bio);
    ssize_t count = 0;
    do {
        count = ::read(wire.socket.get(), bytes, size);
    } while (count < 0 && errno == EINTR);
    if (count > 0) {
        *got = static_cast<std::size_t>(count);
        return 1;
    }
    *got = 0;
    if (count < 0 && errno == EAGAIN) {
        BIO_set_retry_read(bio);
    } else if (count < 0) {
        wire.read_error = errno;
    } else {
        wire.read_end = true;
    }
    return 0;
}

long wire_control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return wire_of(bio).read_end ? 1 : 0;
    return 0;
}

BIO_METHOD* wire_method() {
    static BIO_METHOD* const kMethod = [] {
        BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
        BIO_meth_set_write_ex(method, wire_write);
        BIO_meth_set_read_ex(method, wire_read);
        BIO_meth_set_ctrl(method, wire_control);
        return method;
    }();
    return kMethod;
}

// Any self-made certificate of Ed25519 will do: its owner proves to have the key, and who that is
// is decided by the key.
int accept_key(X509_STORE_CTX* store, void*) {
    const X509* certificate = X509_STORE_CTX_get0_cert(store);
    const EVP_PKEY* key = certificate == nullptr ? nullptr : X509_get0_pubkey(certificate);
    if (key != nullptr && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519) return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

// The least certificate that TLS carries a key in; nobody reads anything else of it.
base::Result<Certificate> make_certificate(EVP_PKEY* key) {
    constexpr long kForever = 0x7FFFFFFF;
    Certificate certificate(X509_new());
    if (certificate == nullptr || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
        ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1) != 1 ||
        ASN1_TIME_set(X509_getm_notBefore(certificate.get()), 0) == nullptr ||
        ASN1_TIME_set(X509_getm_notAfter(certificate.get()), kForever) == nullptr ||
        X509_set_pubkey(certificate.get(), key) != 1 ||
        X509_sign(certificate.get(), key, nullptr) <= 0) {
        return failure("make a certificate");
    }
    return certificate;
}

}  // namespace

struct Tls::State {
    Wire wire;
    std::unique_ptr<SSL_CTX, FreeContext> context;
    std::unique_ptr<SSL, FreeSession> session;
    bool ended = false;
    bool starved = false;  // the last read had not even a whole record

    base::Error read_failure(std::string_view operation);
};

// What a failed call of SSL_read or SSL_do_handshake means.
base::Error Tls::State::read_failure(std::string_view operation) {
    if (wire.read_error != 0) return base::Error::system(operation, "the peer", wire.read_error);
    if (wire.read_end) {
        ERR_clear_error();
        return base::Error(base::ExitCode::unavailable, "the peer closed the connection");
    }
    base::Error error = failure(operation);
    error.code = base::ExitCode::protocol;
    return error;
}

Tls::Tls(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tls::Tls(Tls&&) noexcept = default;
Tls& Tls::operator=(Tls&&) noexcept = default;
Tls::~Tls() = default;

base::Result<Tls> Tls::create(Side side, const Identity& identity, base::Fd socket) {
    auto state = std::make_unique<State>();
    state->wire.socket = std::move(socket);
    state->context.reset(SSL_CTX_new(TLS_method()));
    SSL_CTX* context = state->context.get();
    if (context == nullptr) return failure("set up TLS");
    const Certificate certificate = TRY(make_certificate(identity.handle()));
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, kReadBytes);
    SSL_CTX_set_max_cert_list(context, kMaximumCertificateList);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_verify_callback(context, accept_key, nullptr);
    if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_num_tickets(context, 0) != 1 ||
        SSL_CTX_set_ciphersuites(context,
                                 "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:"
                                 "TLS_AES_256_GCM_SHA384") != 1 ||
        SSL_CTX_set1_groups_list(context, "X25519") != 1 ||
        SSL_CTX_set1_sigalgs_list(context, "ed25519") != 1 ||
        SSL_CTX_set1_client_sigalgs_list(context, "ed25519") != 1 ||
        SSL_CTX_use_certificate(context, certificate.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context, identity.handle()) != 1) {
        return failure("set up TLS");
    }
    state->session.reset(SSL_new(context));
    BIO* bio = BIO_new(wire_method());
    if (state->session == nullptr || bio == nullptr) return failure("set up TLS");
    BIO_set_data(bio, &state->wire);
    BIO_set_init(bio, 1);
    SSL_set_bio(state->session.get(), bio, bio);
    if (side == Side::client) {
        SSL_set_connect_state(state->session.get());
    } else {
        SSL_set_accept_state(state->session.get());
    }
    return Tls(std::move(state));
}

int Tls::fd() const {
    return state_->wire.socket.get();
}

base::Result<Tls::Progress> Tls::handshake() {
    SSL* session = state_->session.get();
    const int result = SSL_do_handshake(session);
    if (result == 1) {
        SSL_certs_clear(session);
        SSL_CTX_free(state_->context.release());
        return Progress::done;
    }
    if (SSL_get_error(session, result) == SSL_ERROR_WANT_READ) return Progress::wants_input;
    return state_->read_failure("agree on TLS with");
}

base::Result<std::optional<std::size_t>> Tls::read(std::span<std::byte> buffer) {
    SSL* session = state_->session.get();
    std::size_t got = 0;
    const int result = SSL_read_ex(session, buffer.data(), buffer.size(), &got);
    state_->starved = false;
    if (result == 1) return std::optional(got);
    switch (SSL_get_error(session, result)) {
        case SSL_ERROR_WANT_READ: state_->starved = true; return std::optional<std::size_t>();
        case SSL_ERROR_ZERO_RETURN: return std::optional<std::size_t>(0);
        default: return state_->read_failure("read from");
    }
}

bool Tls::has_input() const {
    // OpenSSL counts the beginning of a record too, which gives nothing until the rest is there.
    return !state_->starved && SSL_has_pending(state_->session.get()) == 1;
}

base::Result<void> Tls::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        std::size_t taken = 0;
        if (SSL_write_ex(state_->session.get(), bytes.data(), bytes.size(), &taken) != 1) {
            base::Error error = failure("write to the peer");
            error.code = base::ExitCode::protocol;
            return error;
        }
        bytes = bytes.subspan(taken);
    }
    return {};
}

std::size_t Tls::pending() const {
    return state_->wire.outbox.size() - state_->wire.sent;
}

base::Result<bool> Tls::flush() {
    Wire& wire = state_->wire;
    while (wire.sent < wire.outbox.size()) {
        const std::size_t size = std::min(kWriteBytes, wire.outbox.size() - wire.sent);
        const ssize_t count =
            ::send(wire.socket.get(), wire.outbox.data() + wire.sent, size, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) {
            wire.outbox.erase(wire.outbox.begin(),
                              wire.outbox.begin() + static_cast<std::ptrdiff_t>(wire.sent));
            wire.sent = 0;
            return false;
        }
        if (count < 0) return base::Error::system("write to", "the peer");
        wire.sent += static_cast<std::size_t>(count);
    }
    wire.outbox.clear();
    wire.sent = 0;
    return true;
}

void Tls::end() {
    if (state_->ended) return;
    state_->ended = true;
    SSL_shutdown(state_->session.get());
    ERR_clear_error();
}

void Tls::forget() {
    state_->session.reset();
    state_->wire.socket.reset();
}

base::Result<std::vector<std::byte>> Tls::peer_key() const {
    const Certificate certificate(SSL_get1_peer_certificate(state_->session.get()));
    if (certificate == nullptr) return failure("find the peer's key");
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
    if (size <= 0) return failure("encode the peer's key");
    const auto* bytes = reinterpret_cast<const std::byte*>(der);
    std::vector<std::byte> encoded(bytes, bytes + size);
    OPENSSL_free(der);
    return encoded;
}

base::Result<std::vector<std::byte>> Tls::exporter(std::string_view label) const {
    std::vector<std::byte> material(kExporterBytes);
    if (SSL_export_keying_material(
            state_->session.get(), reinterpret_cast<unsigned char*>(material.data()),
            material.size(), label.data(), label.size(), nullptr, 0, 0) != 1) {
        return failure("export keying material");
    }
    return material;
}

}  // namespace crypto
