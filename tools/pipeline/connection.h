// A channel between two pipelines: frames of pipeline-wire(5) over TLS, carrying several streams of
// bytes with credit in both directions. What a stream is for is its user's business; who the peer
// is and what it may do, the owner's.
//
// Everything happens in the loop's callbacks. Nothing of a peer makes it hold more than the windows
// of its streams and one frame.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "crypto/tls.h"
#include "loop/loop.h"
#include "proto/pipeline.h"

namespace pipeline {

class Connection;

// Whoever uses a stream. Each call may destroy the stream.
class StreamUser {
  public:
    virtual ~StreamUser() = default;
    virtual void on_opened(const proto::pipeline::Fields&) {}
    // All of it is to be taken; Stream::consumed() says when it has been passed on.
    virtual void on_data(std::uint8_t channel, std::span<const std::byte> bytes) = 0;
    virtual void on_end(std::uint8_t channel) = 0;
    virtual void on_event(const proto::pipeline::Fields&) {}
    // The peer's last word; the stream is over.
    virtual void on_status(const proto::pipeline::Fields&) {}
    // After room() was 0: more can be sent.
    virtual void on_room() {}
    // Over without a status: given up by the peer, or the connection is gone.
    virtual void on_lost(const base::Error& error) = 0;
};

// One side of a stream. Destroying it before the status has passed resets it.
class Stream {
  public:
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    std::uint16_t id() const { return id_; }
    // How many bytes prepare() would give: what the peer's credit and the way out allow now.
    std::size_t room() const;
    // Memory of the next data frame, valid until anything else of this connection is called, and
    // commit(), which sends its first `size` bytes.
    std::span<std::byte> prepare();
    void commit(std::uint8_t channel, std::size_t size);
    // No more data from this side on the channel.
    void end(std::uint8_t channel = 0);
    // Gives credit back for bytes that on_data() brought.
    void consumed(std::size_t bytes);
    // Credit beyond the initial window, for a user that passes bytes on at once.
    void widen(std::uint32_t bytes);

    void send_opened(const proto::pipeline::Payload& fields);
    void send_event(const proto::pipeline::Payload& fields);
    // The last word of the side that serves the stream.
    void finish(const proto::pipeline::Payload& status);
    void reset(const base::Error& error);

  private:
    friend class Connection;
    Stream(Connection& connection, std::uint16_t id, StreamUser& user)
        : connection_(&connection), user_(&user), id_(id) {}
    void give_credit(std::uint32_t bytes);

    Connection* connection_;  // null when the stream is over
    StreamUser* user_;
    std::uint16_t id_;
    std::uint32_t send_credit_ = proto::pipeline::kInitialWindow;
    std::uint32_t receive_credit_ = proto::pipeline::kInitialWindow;
    std::uint32_t unreturned_ = 0;  // consumed and not given back yet
    bool wants_room_ = false;
};

// Whoever owns the connection.
class ConnectionOwner {
  public:
    virtual ~ConnectionOwner() = default;
    // TLS is agreed on; peer_key() and exporter() can be asked. The client sends its hello now.
    virtual void on_secure() = 0;
    // The peer's hello, or its welcome: begin() or refuse() is the answer.
    virtual void on_greeting(const proto::pipeline::Fields& fields) = 0;
    // The peer opens a stream: accept() it, or refuse_stream() it.
    virtual void on_open(std::uint16_t id, const proto::pipeline::Fields& fields) = 0;
    // Nothing more will come; an Error of code done is an orderly end. May destroy the connection.
    virtual void on_lost(const base::Error& error) = 0;
};

struct ConnectionLimits {
    std::chrono::milliseconds greeting{10'000};  // until begin()
    std::chrono::milliseconds silence{60'000};   // a peer that answers no ping for so long is gone
};

class Connection {
  public:
    static base::Result<std::unique_ptr<Connection>> create(loop::Loop& loop,
                                                            crypto::Tls::Side side, crypto::Tls tls,
                                                            ConnectionOwner& owner,
                                                            ConnectionLimits limits = {});
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    crypto::Tls& tls() { return tls_; }
    // The hello of a client, the welcome of a server.
    void greet(proto::pipeline::Kind kind, const proto::pipeline::Payload& fields);
    // The greeting is over: streams may be opened.
    void begin();
    // Tells the peer why, and ends the connection when that is written.
    void refuse(const base::Error& error);
    // Ends the connection in order when all is written; on_lost() follows.
    void close();

    base::Result<std::unique_ptr<Stream>> open(const proto::pipeline::Payload& fields,
                                               StreamUser& user);
    std::unique_ptr<Stream> accept(std::uint16_t id, StreamUser& user);
    void refuse_stream(std::uint16_t id, const base::Error& error);

    // `answered` is called with the time that a frame took there and back.
    void ping(std::function<void(std::chrono::nanoseconds)> answered);
    std::size_t streams() const { return streams_.size(); }

  private:
    friend class Stream;
    // Data is encrypted while less than this waits for the socket.
    static constexpr std::size_t kOutputLimit = std::size_t{256} * 1024;
    enum class State { handshake, greeting, open, closing, lost };

    Connection(loop::Loop& loop, crypto::Tls::Side side, crypto::Tls tls, ConnectionOwner& owner,
               ConnectionLimits limits);
    base::Result<void> start();
    void on_ready(int events);
    void on_turn();
    void on_tick();
    void shake_hands();
    void read_input();
    // Frames that are complete in the input; false when one broke the rules or the state changed.
    bool take_frames();
    void take(const proto::pipeline::Frame& frame);
    void take_of_connection(const proto::pipeline::Frame& frame);
    void take_of_stream(Stream& stream, const proto::pipeline::Frame& frame);
    void take_open(const proto::pipeline::Frame& frame);
    void take_data(Stream& stream, const proto::pipeline::Frame& frame);
    // Whether this side opens streams of that number; the other side serves them.
    bool is_own(std::uint16_t id) const {
        return (id % 2 == 1) == (side_ == crypto::Tls::Side::client);
    }
    void send(proto::pipeline::Kind kind, std::uint16_t stream, std::uint8_t channel,
              std::span<const std::byte> payload);
    void forget(Stream& stream);
    void offer_room();
    // Flushes, and settles what to wait for. For calls of users, who are not called from it; what
    // they must hear comes with the next turn.
    void pass_on();
    // The same inside of a callback too: for credit, which the peer may be waiting for.
    void pass_on_at_once();
    // The same at the end of a callback of the loop, with what users must hear.
    void settle();
    void watch();
    bool can_offer_room() const;
    void tell_fate();
    void lose(const base::Error& error);
    bool alive() const { return state_ != State::lost; }

    loop::Loop& loop_;
    crypto::Tls::Side side_;
    crypto::Tls tls_;
    ConnectionOwner& owner_;
    ConnectionLimits limits_;
    State state_ = State::handshake;
    std::optional<loop::Poll> poll_;
    std::optional<loop::Idle> turn_;  // input that TLS holds already
    std::optional<loop::Timer> tick_;
    std::vector<std::byte> input_;  // [input_begin_, input_end_) is not decoded yet
    std::size_t input_begin_ = 0;
    std::size_t input_end_ = 0;
    std::vector<std::byte> output_;  // one frame under construction
    std::map<std::uint16_t, Stream*> streams_;
    std::uint32_t next_own_id_;
    std::uint32_t highest_peer_id_ = 0;
    std::chrono::milliseconds began_{};
    std::chrono::milliseconds last_heard_{};
    std::vector<std::pair<std::uint64_t, std::function<void(std::chrono::nanoseconds)>>> pings_;
    bool inside_ = false;              // a callback of ours is running: settle() comes at its end
    std::optional<base::Error> fate_;  // why it is lost, told when no callback runs
};

}  // namespace pipeline
