// TLS 1.3 (RFC 8446) over one connected socket, both sides with an Ed25519 key, for a channel whose
// trust is decided elsewhere: who the peer is is its key (peer_key()), and what it runs is in
// evidence bound to exporter(). No authority, no name, no resumption, no early data.
//
// Never blocks and never waits: the owner watches fd() and calls again. What is written is
// encrypted at once and kept until flush() gets rid of it, so the owner bounds it by pending().
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "crypto/identity.h"

namespace crypto {

inline constexpr std::size_t kExporterBytes = 32;

class Tls {
  public:
    enum class Side { client, server };
    enum class Progress { done, wants_input };

    // `socket` is non-blocking. The identity may go when the handshake is done.
    static base::Result<Tls> create(Side side, const Identity& identity, base::Fd socket);
    Tls(Tls&&) noexcept;
    Tls& operator=(Tls&&) noexcept;
    ~Tls();

    int fd() const;

    // Call at once, and again when fd() is readable, until done; flush() after each call. Errors:
    // protocol for a peer that breaks the rules or has no Ed25519 key, unavailable for one that
    // went away. Afterwards this side's private key is gone from the object.
    base::Result<Progress> handshake();

    // Reads what has come, at most a record (16 KiB). Nothing: no bytes yet. 0: the peer has said
    // that it is done. An end without that is an Error (unavailable): data may have been cut off.
    base::Result<std::optional<std::size_t>> read(std::span<std::byte> buffer);
    // Whether bytes are held inside that read() would give although fd() is not readable.
    bool has_input() const;

    // Takes all of it.
    base::Result<void> write(std::span<const std::byte> bytes);
    // Encrypted bytes that flush() has not got rid of.
    std::size_t pending() const;
    // Writes to the socket, 64 KiB at a time; false when some is left and fd() must become
    // writable.
    base::Result<bool> flush();
    // Says that nothing more will be written; flush() it.
    void end();
    // Wipes keys and closes the socket, without a word to the peer: for a process that was forked
    // from the one that goes on. Nothing else may be called afterwards.
    void forget();

    // After the handshake: the peer's key, a DER SubjectPublicKeyInfo of Ed25519.
    base::Result<std::vector<std::byte>> peer_key() const;
    // kExporterBytes that both sides compute alike and nobody else knows (RFC 8446 7.5).
    base::Result<std::vector<std::byte>> exporter(std::string_view label) const;

  private:
    struct State;
    explicit Tls(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace crypto
